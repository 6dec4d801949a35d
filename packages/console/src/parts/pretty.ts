/** JSON laid out to be read; text that is none as it is. */
export function pretty(data: string): string {
  try {
    return JSON.stringify(JSON.parse(data), null, 2)
  } catch {
    return data
  }
}

/** A piece of JSON, and what it is. */
export interface Token {
  kind: 'key' | 'string' | 'number' | 'word' | 'mark'
  text: string
}

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([^"\d\-tfn]+|.)/gs

/** The pieces of JSON that is laid out. */
export function tokensOf(json: string): Token[] {
  return Array.from(json.matchAll(TOKEN), ([whole, string, colon, number, word]): Token => {
    if (string) return { kind: colon ? 'key' : 'string', text: whole }
    if (number) return { kind: 'number', text: whole }
    return { kind: word ? 'word' : 'mark', text: whole }
  })
}

/** Whether a text is JSON other than a bare word or number. */
export function isJson(data: string): boolean {
  try {
    return typeof JSON.parse(data) === 'object'
  } catch {
    return false
  }
}
