import { describe, expect, it } from 'vitest'
import { type Look, PLAIN, parseAnsi, plainText } from '../src/parts/ansi.js'

const ESC = '\u001b'

/** The texts of a line with what is not plain about each. */
function seen(line: string, look?: Look) {
  return parseAnsi(line, look).spans.map(({ text, look }) => {
    const marks = Object.entries(look).filter(
      ([name, value]) => value !== PLAIN[name as keyof Look],
    )
    return [text, Object.fromEntries(marks)]
  })
}

describe('output of a terminal', () => {
  it('is one span where there is nothing but text', () => {
    expect(seen('plain <b>text</b>')).toEqual([['plain <b>text</b>', {}]])
    expect(seen('')).toEqual([])
  })

  it('has the colours of the palette, of 256, and all', () => {
    expect(seen(`${ESC}[31mred${ESC}[92mgreen${ESC}[0mnone`)).toEqual([
      ['red', { ink: '1' }],
      ['green', { ink: '10' }],
      ['none', {}],
    ])
    expect(seen(`${ESC}[44;103mon${ESC}[39;49moff`)).toEqual([
      ['on', { ground: '11' }],
      ['off', {}],
    ])
    expect(seen(`${ESC}[38;5;9ma${ESC}[38;5;208mb${ESC}[38;5;244mc${ESC}[48;2;1;2;300md`)).toEqual([
      ['a', { ink: '9' }],
      ['b', { ink: 'rgb(255 135 0)' }],
      ['c', { ink: 'rgb(128 128 128)' }],
      ['d', { ink: 'rgb(128 128 128)', ground: 'rgb(1 2 255)' }],
    ])
  })

  it('has styles that end one by one', () => {
    expect(seen(`${ESC}[1;3;4ma${ESC}[22mb${ESC}[23;24;7mc${ESC}[md`)).toEqual([
      ['a', { bold: true, italic: true, underline: true }],
      ['b', { italic: true, underline: true }],
      ['c', { inverse: true }],
      ['d', {}],
    ])
  })

  it('goes on over lines', () => {
    const { look } = parseAnsi(`${ESC}[1;32mfirst`)
    expect(seen('second', look)).toEqual([['second', { bold: true, ink: '2' }]])
  })

  it('leaves out what else a terminal would do', () => {
    const line = `a${ESC}[2Kb${ESC}]0;title\u0007c${ESC}]8;;http://x${ESC}\\d${ESC}(Be\u0008\u0000${ESC}7f${ESC}`
    expect(plainText(line)).toBe('abcdef')
    expect(seen(line).map(([text]) => text)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('shows a line that was written over as it was in the end', () => {
    expect(plainText('10 %\r50 %\rdone\r')).toBe('done')
  })

  it('takes sequences that make no sense for nothing', () => {
    for (const codes of ['38', '38;5', '38;9;1', '48;2;1', '999', ';;', '38;5;-4']) {
      expect(plainText(`${ESC}[${codes}mtext`)).toBe('text')
      expect(() => parseAnsi(`${ESC}[${codes}mtext`)).not.toThrow()
    }
  })

  it('cuts a line that nobody can read', () => {
    const { spans } = parseAnsi('x'.repeat(1_000_000))
    expect(spans.map(({ text }) => text.length)).toEqual([4000, 2])
  })
})
