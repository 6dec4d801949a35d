import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { LANGUAGES, snippetsOf } from '../src/pages/playground/snippets.js'

const NASTY = `it's "x" \\ $HOME \`id\` \${y} </script> @z\nsecond`
const subject = {
  hub: 'http://127.0.0.1:8434/',
  topic: 'a/b',
  event: 'changed',
  data: NASTY,
  isSignedIn: false,
}

function code(language: (typeof LANGUAGES)[number], title: string, fields = {}): string {
  const all = snippetsOf(language, { ...subject, ...fields })
  return all.find((one) => one.title === title)?.code ?? ''
}

/** What a shell gives to curl. */
function argumentsOf(command: string): string[] {
  const script = `curl() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${command}`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)
}

describe('examples', () => {
  it('are there for every language', () => {
    for (const language of LANGUAGES)
      expect(snippetsOf(language, subject).length).toBeGreaterThan(0)
  })

  it('give a shell exactly the data', () => {
    const url = 'http://127.0.0.1:8434/api/events?topic=a%2Fb&event=changed'
    expect(argumentsOf(code('curl', 'Publish'))).toEqual(['--data-binary', NASTY, url])
    const file = code('curl', 'Publish', { data: '@/etc/passwd' })
    expect(argumentsOf(file)).toEqual(['--data-binary', '@-', url])
  })

  it('give JavaScript exactly the data', () => {
    const publish = code('TypeScript', 'Publish')
    const literal = /data: ('.*') }\)$/s.exec(publish)?.[1] ?? ''
    expect(literal).not.toContain('</')
    expect(new Function(`return ${literal}`)()).toBe(NASTY)
  })

  it('fence the data in Rust', () => {
    expect(code('Rust', 'Publish', { data: 'plain' })).toContain('NewEvent::new("plain")')
    expect(code('Rust', 'Publish', { data: '{"a":"#"}' })).toContain('r##"{"a":"#"}"##')
    expect(code('Rust', 'Publish', { data: 'a\t"b"' })).toContain(String.raw`"a\u{9}\"b\""`)
  })

  it('leave out the name that is the default', () => {
    expect(code('curl', 'Publish', { event: 'message' })).not.toContain('event=')
    expect(code('TypeScript', 'Publish', { event: 'message' })).not.toContain('event:')
  })

  it('name the credentials of a hub that wants some', () => {
    process.env['TIDINGS_TOKEN'] = 'a.b.c'
    for (const title of ['Follow', 'Publish']) {
      const [name, value] = argumentsOf(code('curl', title, { isSignedIn: true })).slice(
        title === 'Follow' ? 1 : 0,
      )
      expect([name, value]).toEqual(['-H', 'Authorization: Bearer a.b.c'])
    }
    for (const language of LANGUAGES) {
      for (const { code } of snippetsOf(language, subject)) expect(code).not.toMatch(/bearer/i)
      const snippets = snippetsOf(language, { ...subject, isSignedIn: true })
      for (const { code } of snippets) expect(code).toMatch(/bearer/i)
    }
  })
})
