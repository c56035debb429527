import assert from "node:assert/strict";
import { test } from "node:test";
import { bits, strengthText } from "../../static/src/forms/strength.ts";

function first(password: string, own: readonly string[] = []): string {
  return strengthText(password, own).replace(/[ .:].*$/, "");
}

test("nothing is said of nothing, and short is short whatever it is made of", () => {
  assert.equal(strengthText(""), "");
  assert.equal(first("x7$Kq!2"), "Too");
  assert.equal(first("🦊🦊🦊🦊"), "Too");
});

test("what everybody tries is weak", () => {
  for (const one of ["password", "password123", "12345678", "qwertyuiop", "aaaaaaaaaaaaaaaaaaaa", "letmein2024", "summer1999"]) {
    assert.equal(first(one), "Weak", one);
  }
});

test("words make it better, the same word again does not", () => {
  assert.equal(first("winter walks"), "Fair");
  assert.equal(first("winter walks are"), "Good");
  assert.equal(first("winter walks are long"), "Strong");
  assert.equal(first("winter winter winter"), "Weak");
});

test("what is made up by chance is strong", () => {
  for (const one of ["h7k2q-9fz4m-x3b8w-pt5rd", "Vq7!xR2#mZ9&kL4"]) assert.equal(first(one), "Strong", one);
});

test("one's own name is worth nothing", () => {
  assert.equal(first("Anastasia1990", ["anastasia"]), "Weak");
  assert.ok(bits("anastasia walks", ["anastasia"]) < bits("anastasia walks"));
  assert.equal(bits("an an an", ["an"]), bits("an an an"));
});

test("other scripts count as letters", () => {
  assert.equal(first("зимние прогулки долгие всегда"), "Strong");
});
