/** Which rows of a long list are drawn. */
export interface Window {
  start: number
  /** The first one that is not drawn any more. */
  end: number
}

/** Rows beyond the edges that are drawn as well, so that scrolling shows no blanks. */
const BEYOND = 8

/** The rows that are seen, and a few around them. All rows have the same height. */
export function windowOf(
  { scrolled, height, rowHeight }: { scrolled: number; height: number; rowHeight: number },
  count: number,
): Window {
  const first = Math.floor(scrolled / rowHeight)
  const seen = Math.ceil(height / rowHeight) + 1
  const start = Math.max(0, Math.min(first, count - seen) - BEYOND)
  return { start, end: Math.min(count, Math.max(0, first) + seen + BEYOND) }
}
