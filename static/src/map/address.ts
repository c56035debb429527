// The page's address as its state: whom it shows (?who=anna/phone) and where the map looks (#zoom/lat/lon), so
// that Back, reload and a copied address lead to the same.

import { keep, kept } from "../page/storage.ts";
import { readView, type View, writeView } from "./camera.ts";

const LAST_VIEW = "mytracks.view";

export function readWho(): string | null {
  return new URLSearchParams(location.search).get("who");
}

/** A selection is a step that Back undoes. */
export function writeWho(device: string | null): void {
  if (readWho() === device) return;
  const query = device === null ? "" : `?who=${encodeURIComponent(device).replaceAll("%2F", "/")}`;
  history.pushState(null, "", location.pathname + query + location.hash);
}

/** The address rules; where it says nothing, there is none. */
export function addressedView(): View | null {
  return readView(location.hash);
}

export function lastView(): View | null {
  return readView(kept(LAST_VIEW) ?? "");
}

/** Where the map looks is no step of its own. */
export function writeAddressedView(view: View): void {
  const hash = writeView(view);
  history.replaceState(null, "", location.pathname + location.search + hash);
  keep(LAST_VIEW, hash);
}
