/** A position in the log: its epoch and the sequence in it. */
export interface Position {
  epoch: string
  sequence: number
}

/** Reads `<epoch>-<sequence>`. */
export function positionOf(id: string): Position | undefined {
  const [, epoch, sequence] = /^(.+)-(\d+)$/.exec(id) ?? []
  return epoch && sequence ? { epoch, sequence: Number(sequence) } : undefined
}

export function idAt({ epoch, sequence }: Position): string {
  return `${epoch}-${sequence}`
}

/** Whether `id` is later than `other`. Ids of different epochs count as later: nothing orders them. */
export function isAfter(id: string, other: string): boolean {
  const [one, two] = [positionOf(id), positionOf(other)]
  return !one || !two || one.epoch !== two.epoch || one.sequence > two.sequence
}
