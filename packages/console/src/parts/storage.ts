/** Where the browser keeps texts: over all visits, or as long as the tab. */
export type Place = 'localStorage' | 'sessionStorage'

/** A text that is kept over reloads, where the browser keeps any. */
export function stored(name: string, place: Place = 'localStorage'): string {
  try {
    return globalThis[place].getItem(`tidings.${name}`) ?? ''
  } catch {
    return ''
  }
}

/** Keeps a text; nothing is kept of an empty one. */
export function store(name: string, text: string, place: Place = 'localStorage'): void {
  try {
    if (text) globalThis[place].setItem(`tidings.${name}`, text)
    else globalThis[place].removeItem(`tidings.${name}`)
  } catch {
    // It is forgotten with the page.
  }
}
