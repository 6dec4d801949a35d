/** Where the id to resume after is kept when the page or the process is gone. */
export interface Cursor {
  load(): string | null | undefined
  save(id: string): void
}
