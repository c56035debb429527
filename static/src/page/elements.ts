// Finding the elements that the page's own template promises, by id and kind.

export function element<T extends Element>(id: string, kind: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`this page has no ${kind.name} "${id}"`);
  return found;
}
