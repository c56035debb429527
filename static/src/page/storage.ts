// The little that a browser keeps for a page. Private windows and full disks may refuse: then nothing is kept.

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Not worth a word: the page works without.
  }
}

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
