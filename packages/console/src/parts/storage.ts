/** A text that is kept over reloads, where the browser keeps any. */
export function stored(name: string): string {
  try {
    return localStorage.getItem(`tidings.${name}`) ?? ''
  } catch {
    return ''
  }
}

export function store(name: string, text: string): void {
  try {
    localStorage.setItem(`tidings.${name}`, text)
  } catch {
    // It is forgotten with the page.
  }
}
