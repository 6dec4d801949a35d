/**
 * Where the id to resume after is kept when the page or the process is gone. What it throws is
 * reported as an uncaught error is, and the stream goes on without it.
 */
export interface Cursor {
  load(): string | null | undefined
  save(id: string): void
}
