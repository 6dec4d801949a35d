const TENS = Array.from({ length: 13 }, (_, power) => 10 ** power)
const UNITS = [1, 1024, 1024 ** 2, 1024 ** 3, 1024 ** 4]

/** Steps of an axis of what is counted. */
export const WHOLE: readonly number[] = TENS.flatMap((ten) => [ten, 2 * ten, 5 * ten])

/** Steps of an axis of bytes. */
export const BINARY: readonly number[] = UNITS.flatMap((unit) =>
  [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((step) => step * unit),
)
