const WHOLE = new Intl.NumberFormat('en-US')
const SHORT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** What stands where nothing is known. */
export const NOTHING = '–'

type Maybe = number | null | undefined

export function count(value: Maybe): string {
  return isKnown(value) ? WHOLE.format(value) : NOTHING
}

/** In few characters: `12.3K`. */
export function short(value: Maybe): string {
  if (!isKnown(value)) return NOTHING
  return value < 10_000 ? WHOLE.format(Math.round(value)) : SHORT.format(value)
}

/** So many a second. */
export function rate(value: Maybe): string {
  if (!isKnown(value)) return NOTHING
  return value > 0 && value < 10 ? value.toFixed(1) : short(value)
}

export function bytes(value: Maybe): string {
  if (!isKnown(value)) return NOTHING
  const power = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1)
  const scaled = value / 1024 ** power
  const digits = Number.isInteger(scaled) || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2
  return `${scaled.toFixed(digits)} ${UNITS[power]}`
}

export function percent(value: Maybe): string {
  return isKnown(value) ? `${value.toFixed(value > 0 && value < 10 ? 1 : 0)} %` : NOTHING
}

/** How long something took, from milliseconds: `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`. */
export function duration(millis: Maybe): string {
  if (!isKnown(millis)) return NOTHING
  if (millis < 1) return `${millis === 0 ? 0 : millis.toFixed(2)} ms`
  if (millis < 1000) return `${millis.toFixed(millis < 10 && !Number.isInteger(millis) ? 1 : 0)} ms`
  if (millis < 60_000) return `${(Math.floor(millis / 100) / 10).toFixed(1)} s`
  const seconds = Math.floor(millis / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${padded(seconds % 60)} s`
  const hours = Math.floor(seconds / 3600)
  if (hours < 48) return `${hours} h ${padded(Math.floor(seconds / 60) % 60)} min`
  return `${Math.floor(hours / 24)} d ${padded(hours % 24)} h`
}

/** A value at a mark of an axis, without what is zero in it: `5 s`, `0.2 ms`, `2 min`. */
export function rounded(text: string): string {
  return text
    .replace(/\.(\d*?)0+(?= |$)/, (_, digits: string) => digits && `.${digits}`)
    .replace(/ 00 (s|min)$/, '')
}

/** How long ago something was, in one unit: `12 s`, `3 min`, `5 h`, `2 d`. */
export function age(time: string | null | undefined, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time ?? '')) / 1000))
  if (Number.isNaN(seconds)) return NOTHING
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** The time of day where the reader is, with milliseconds: `14:03:09.120`. */
export function clock(time: string | null | undefined): string {
  const date = new Date(time ?? '')
  if (Number.isNaN(date.getTime())) return NOTHING
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()]
  const millis = `${date.getMilliseconds()}`.padStart(3, '0')
  return `${padded(hours)}:${padded(minutes)}:${padded(seconds)}.${millis}`
}

/** Date and time where the reader is. */
export function moment(time: string | null | undefined): string {
  const date = new Date(time ?? '')
  if (Number.isNaN(date.getTime())) return NOTHING
  return `${date.getFullYear()}-${padded(date.getMonth() + 1)}-${padded(date.getDate())} ${clock(time).slice(0, 8)}`
}

function isKnown(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function padded(value: number): string {
  return `${value}`.padStart(2, '0')
}
