// Single keys for those who like them. They work only while the list or the map has the focus, so that they
// get in nobody's way (WCAG 2.1.4).

export interface KeyActions {
  readonly next: () => void;
  readonly previous: () => void;
  readonly follow: () => void;
  readonly clear: () => void;
}

export function listenForKeys(places: readonly HTMLElement[], actions: KeyActions): void {
  const acts: Readonly<Record<string, () => void>> = {
    j: actions.next,
    k: actions.previous,
    f: actions.follow,
    Escape: actions.clear,
  };
  const pressed = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = acts[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  for (const place of places) place.addEventListener("keydown", pressed);
}
