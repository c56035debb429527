// Builds dist/ from src/, css/ and node_modules: what the server hands out under /static/, and nothing else.
//   node build.mjs            for users: minified, hashed names, brotli and gzip beside each text file
//   node build.mjs --watch    for developers: source maps, no compression, again on every change
// manifest.json tells the server which hashed file a logical name ("map.ts") means.

import { createHash } from "node:crypto";
import { watch } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";
import { writeBasemap } from "./basemap.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DIST = join(HERE, "dist");
/** Built beside and moved into place at the end, so that a running server never sees half a build. */
const NEXT = join(HERE, "node_modules", ".dist-next");
const require = createRequire(import.meta.url);

/** Logical names are what templates ask for: the entry's name with the source's own ending. */
const ENTRIES = [
  { in: "src/map/map.page.ts", out: "map" },
  { in: "src/forms/forms.page.ts", out: "forms" },
  { in: "src/passkeys/passkeys.page.ts", out: "passkeys" },
  { in: "css/pages.css", out: "pages" },
  { in: "css/dark.css", out: "dark" },
  { in: "css/map.css", out: "map" },
];
const TARGET = ["es2022", "safari16", "firefox115", "chrome115"];
const COMPRESSED = new Set([".js", ".mjs", ".css", ".svg", ".txt"]);
/** Bytes; below this the compressed answer saves nothing worth a second file. */
const WORTH_COMPRESSING = 1024;

const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 10);

async function bundle(dev) {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: ENTRIES,
    outdir: NEXT,
    bundle: true,
    splitting: true,
    format: "esm",
    minify: !dev,
    sourcemap: dev,
    target: TARGET,
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    legalComments: "linked",
    metafile: true,
    logLevel: "warning",
  });
  const names = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const entry = ENTRIES.find((one) => one.in === output.entryPoint);
    if (entry === undefined || path.endsWith(".map")) continue;
    names[entry.out + extname(entry.in)] = relative(NEXT, join(HERE, path));
  }
  return names;
}

async function write(name, bytes) {
  const [stem, ending] = [name.slice(0, -extname(name).length), extname(name)];
  const hashed = `${stem}-${hashOf(bytes)}${ending}`;
  await writeFile(join(NEXT, hashed), bytes);
  return { [name]: hashed };
}

/** MapLibre's worker is a file of its own: its address is the only one a worker may have. */
async function worker() {
  const path = require.resolve("maplibre-gl/dist/maplibre-gl-worker.mjs");
  const source = (await readFile(path, "utf8")).replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
  return write("maplibre-worker.mjs", Buffer.from(source));
}

async function sprite() {
  const { icons, aliases } = require("@iconify-json/lucide/icons.json");
  const wanted = (await readFile(join(HERE, "icons.txt"), "utf8")).split("\n").filter(Boolean);
  const symbols = wanted.map((name) => {
    const icon = icons[name] ?? icons[aliases[name]?.parent];
    if (icon === undefined) throw new Error(`icons.txt: lucide has no icon "${name}"`);
    return `<symbol id="${name}" viewBox="0 0 24 24">${icon.body}</symbol>`;
  });
  const svg = `<!-- Icons of Lucide, ISC licence -->\n<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
  return write("icons.svg", Buffer.from(svg));
}

async function mark() {
  return write("mark.svg", await readFile(join(HERE, "mark.svg")));
}

/** The tiles lie under a name made of their contents, so that they too may be cached for ever. */
async function basemap() {
  const folder = join(NEXT, "basemap");
  await writeBasemap(folder);
  const digest = createHash("sha256");
  for (const path of (await filesIn(folder)).sort()) digest.update(await readFile(path));
  const hashed = `basemap-${digest.digest("hex").slice(0, 10)}`;
  await rename(folder, join(NEXT, hashed));
  return { basemap: hashed };
}

async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Both: browsers offer brotli only over HTTPS, and the first day is often plain HTTP. */
async function compress(path) {
  const bytes = await readFile(path);
  if (!COMPRESSED.has(extname(path)) || bytes.length < WORTH_COMPRESSING) return;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await Promise.all([
    promisify(brotliCompress)(bytes, { params }).then((small) => writeFile(`${path}.br`, small)),
    promisify(gzip)(bytes, { level: 9 }).then((small) => writeFile(`${path}.gz`, small)),
  ]);
}

async function buildAll({ dev }) {
  await rm(NEXT, { recursive: true, force: true });
  await mkdir(NEXT, { recursive: true });
  const parts = [await bundle(dev), await worker(), await sprite(), await mark(), await basemap()];
  if (!dev) await Promise.all((await filesIn(NEXT)).map(compress));
  const manifest = Object.assign({}, ...parts);
  await writeFile(join(NEXT, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(DIST, { recursive: true, force: true });
  await rename(NEXT, DIST);
}

/** Watching: one build at a time, and one more when something changed meanwhile. */
function watchSources() {
  let building = false;
  let again = false;
  const rebuild = async () => {
    again = building;
    if (building) return;
    building = true;
    await buildAll({ dev: true }).then(() => console.log("built"), (error) => console.error(error.message));
    building = false;
    if (again) await rebuild();
  };
  for (const folder of ["src", "css"]) watch(join(HERE, folder), { recursive: true }, rebuild);
  return rebuild();
}

if (process.argv.includes("--watch")) await watchSources();
else await buildAll({ dev: process.argv.includes("--dev") });
