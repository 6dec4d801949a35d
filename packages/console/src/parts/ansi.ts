/** How a piece of output looks. */
export interface Look {
  bold: boolean
  dim: boolean
  italic: boolean
  underline: boolean
  strike: boolean
  inverse: boolean
  /** `0` to `15` for the palette of the page, or a colour; empty for none. */
  ink: string
  ground: string
}

export interface Span {
  text: string
  look: Look
}

export const PLAIN: Look = {
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
  ink: '',
  ground: '',
}

/** Characters of a line that are shown. What is longer is no longer read by anybody. */
const LONGEST = 4000

const ESCAPE = '\u001b'

/**
 * An escape sequence: a control sequence (its parameters and final byte are captured), a string up
 * to its terminator (titles, links), or a short one.
 */
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /\u001b(?:\[([ -?]*)([@-~])|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[ -/]*[0-~]|$)/g

/** Control characters, of which only the tab means something here. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g

/**
 * Reads a line of terminal output: colours and styles become spans, everything else that a terminal
 * would do is left out. A line that was written over (`\r`) is as it was in the end. Gives the look
 * with which the next line begins.
 */
export function parseAnsi(line: string, look: Look = PLAIN): { spans: Span[]; look: Look } {
  const spans: Span[] = []
  let left = LONGEST

  function add(text: string): void {
    const clean = text.replace(CONTROLS, '').slice(0, left)
    left -= clean.length
    if (clean) spans.push({ text: clean, look })
  }

  const written = lastWritten(line)
  let end = 0
  if (written.includes(ESCAPE)) {
    for (const sequence of written.matchAll(SEQUENCE)) {
      add(written.slice(end, sequence.index))
      end = sequence.index + sequence[0].length
      if (sequence[2] === 'm' && /^[\d;:]*$/.test(sequence[1] ?? ''))
        look = styled(look, sequence[1] ?? '')
    }
  }
  add(written.slice(end))
  if (left === 0) spans.push({ text: ' …', look: { ...PLAIN, dim: true } })
  return { spans, look }
}

/** The same without any of it, to search in and to copy. */
export function plainText(line: string): string {
  return lastWritten(line).replace(SEQUENCE, '').replace(CONTROLS, '')
}

function lastWritten(line: string): string {
  const text = line.replace(/\r+$/, '')
  return text.slice(text.lastIndexOf('\r') + 1)
}

/** What a sequence that selects a look makes of the one before. */
function styled(before: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map(Number)
  let look = { ...before }
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0
    if (code === 38 || code === 48) {
      const { colour, length } = extended(codes, at + 1)
      if (code === 38) look.ink = colour
      else look.ground = colour
      at += length
    } else if (code === 0) look = { ...PLAIN }
    else Object.assign(look, change(code))
  }
  return look
}

function change(code: number): Partial<Look> {
  if (code >= 30 && code <= 37) return { ink: `${code - 30}` }
  if (code >= 40 && code <= 47) return { ground: `${code - 40}` }
  if (code >= 90 && code <= 97) return { ink: `${code - 82}` }
  if (code >= 100 && code <= 107) return { ground: `${code - 92}` }
  switch (code) {
    case 1:
      return { bold: true }
    case 2:
      return { dim: true }
    case 3:
      return { italic: true }
    case 4:
      return { underline: true }
    case 7:
      return { inverse: true }
    case 9:
      return { strike: true }
    case 22:
      return { bold: false, dim: false }
    case 23:
      return { italic: false }
    case 24:
      return { underline: false }
    case 27:
      return { inverse: false }
    case 29:
      return { strike: false }
    case 39:
      return { ink: '' }
    case 49:
      return { ground: '' }
    default:
      return {}
  }
}

/** A colour of 256 (`5;n`) or of all (`2;r;g;b`), and how many codes it takes. */
function extended(codes: readonly number[], at: number): { colour: string; length: number } {
  const byte = (index: number) => Math.min(255, Math.max(0, Math.trunc(codes[index] || 0)))
  if (codes[at] === 5) return { colour: indexed(byte(at + 1)), length: 2 }
  if (codes[at] === 2) {
    return { colour: `rgb(${byte(at + 1)} ${byte(at + 2)} ${byte(at + 3)})`, length: 4 }
  }
  return { colour: '', length: 1 }
}

function indexed(index: number): string {
  if (index < 16) return `${index}`
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232)
    return `rgb(${grey} ${grey} ${grey})`
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step)
  const cube = index - 16
  const [red, green, blue] = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6]
  return `rgb(${level(red)} ${level(green)} ${level(blue)})`
}
