/** What an example is about. */
export interface Subject {
  /** The address of the hub, with a slash at its end. */
  hub: string
  topic: string
  event: string
  data: string
  /** Whether the hub wants credentials. They are named, and never written out. */
  isSignedIn: boolean
}

/** An example that can be copied. */
export interface Snippet {
  title: string
  /** How it is published, and how it is followed. */
  code: string
}

export type Language = 'curl' | 'Rust' | 'TypeScript' | 'Vue' | 'EventSource'

export const LANGUAGES: readonly Language[] = ['curl', 'Rust', 'TypeScript', 'Vue', 'EventSource']

/** What a shell shows the hub: the variable that the command line of the hub reads as well. */
const SHELL_HEADER = '-H "Authorization: Bearer $TIDINGS_TOKEN"'

/** Examples of following a topic and publishing on it. */
export function snippetsOf(language: Language, subject: Subject): Snippet[] {
  return EXAMPLES[language](subject)
}

/** The command that publishes an event. */
export function publishByCurl({ hub, topic, event, data, isSignedIn }: Subject): string {
  const curl = isSignedIn ? `curl ${SHELL_HEADER} \\\n ` : 'curl'
  const url = address(hub, 'api/events', { topic, event: event === 'message' ? '' : event })
  // `@` at the beginning would be taken for the name of a file.
  if (data.startsWith('@'))
    return `printf %s ${quoted(data)} |\n  ${curl} --data-binary @- ${quoted(url)}`
  return `${curl} --data-binary ${quoted(data)} \\\n  ${quoted(url)}`
}

/** The command that follows a topic. */
export function followByCurl(subject: Pick<Subject, 'hub' | 'topic' | 'isSignedIn'>): string {
  const { hub, topic, isSignedIn } = subject
  return `curl -N ${isSignedIn ? `${SHELL_HEADER} ` : ''}\\\n  ${quoted(address(hub, 'api/events/stream', { topic, from: 'last:10' }))}`
}

const RUST_TOKEN = '.bearer_token(std::env::var("TIDINGS_TOKEN")?)'

const NODE_HEADERS = "const headers = { authorization: 'Bearer ' + process.env.TIDINGS_TOKEN }\n"

const PAGE_HEADERS =
  "// `token` is that of whoever has signed in.\nconst headers = { authorization: 'Bearer ' + token }\n"

const EXAMPLES: Record<Language, (subject: Subject) => Snippet[]> = {
  curl: (subject) => [
    { title: 'Follow', code: followByCurl(subject) },
    { title: 'Publish', code: publishByCurl(subject) },
  ],
  Rust: ({ hub, topic, event, data, isSignedIn }) => [
    {
      title: 'Follow',
      code: `use futures_util::StreamExt;
use tidings_client::{Client, Item};

let client = Client::builder(${literal(hub)})${isSignedIn ? RUST_TOKEN : ''}.build()?;
let mut stream = client.subscribe([${literal(topic)}]).open();
while let Some(item) = stream.next().await {
    match item? {
        Item::Event(event) => println!("{}: {}", event.id, event.data),
        Item::Gap(gap) => println!("events are missing: {:?}", gap.reason),
        _ => {}
    }
}`,
    },
    {
      title: 'Publish',
      code: `use tidings_client::{Client, NewEvent};

let client = Client::builder(${literal(hub)})${isSignedIn ? RUST_TOKEN : ''}.build()?;
client
    .publish(${literal(topic)}, NewEvent::new(${literal(data)})${event === 'message' ? '' : `.event(${literal(event)})`})
    .await?;`,
    },
  ],
  TypeScript: ({ hub, topic, event, data, isSignedIn }) => [
    {
      title: 'Follow',
      code: `import { subscribe } from 'tidings'

${isSignedIn ? NODE_HEADERS : ''}for await (const item of subscribe({ hub: ${script(hub)}, topics: [${script(topic)}]${isSignedIn ? ', headers' : ''} })) {
  if (item.type === 'event') console.log(item.event, item.data)
  if (item.type === 'gap') console.warn('events are missing:', item.reason)
}`,
    },
    {
      title: 'Publish',
      code: `import { createHub } from 'tidings'

${isSignedIn ? NODE_HEADERS : ''}const hub = createHub({ hub: ${script(hub)}${isSignedIn ? ', headers' : ''} })
await hub.publish(${script(topic)}, { ${event === 'message' ? '' : `event: ${script(event)}, `}data: ${script(data)} })`,
    },
  ],
  Vue: ({ hub, topic, event, isSignedIn }) => [
    {
      title: 'Follow',
      code: `<script setup lang="ts">
import { useSSE } from 'tidings/vue'

${isSignedIn ? PAGE_HEADERS : ''}const { data, isConnected, error, connect } = useSSE(${script(event)}${isSignedIn ? ', { headers }' : ''})
connect(${script(address(hub, 'api/events/stream', { topic, from: 'last:1' }))})
</script>

<template>
  <p v-if="error">{{ error }}</p>
  <pre v-else :class="{ live: isConnected }">{{ data }}</pre>
</template>`,
    },
  ],
  EventSource: ({ hub, topic, event, isSignedIn }) => [
    {
      title: 'Follow',
      code: `${isSignedIn ? PAGE_HEADERS : ''}const url = ${addressOfSource(hub, topic, isSignedIn)}
const source = new EventSource(url)
source.addEventListener(${script(event)}, (event) => {
  console.log(event.lastEventId, event.data)
})`,
    },
  ],
}

/** An `EventSource` sends no headers, but what opens one stream can be asked for. */
function addressOfSource(hub: string, topic: string, isSignedIn: boolean): string {
  const url = address(hub, 'api/events/stream', { topic })
  if (!isSignedIn) return script(url)
  const tickets = script(address(hub, 'api/tickets', {}))
  return `new URL(${script(url)})
const answer = await fetch(${tickets}, { method: 'POST', headers })
url.searchParams.set('ticket', (await answer.json()).ticket)`
}

function address(hub: string, path: string, query: Record<string, string>): string {
  const url = new URL(path, hub)
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.append(name, value)
  return url.href
}

/** A word for a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** A string for JavaScript. In a page, `</script>` would end the script. */
function script(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1)
  const escaped = inner.replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`)
  return `'${escaped.replaceAll('</', String.raw`<\/`)}'`
}

/** A string for Rust. */
function literal(text: string): string {
  if (!/["\\]/.test(text) && !/\p{Cc}/u.test(text)) return `"${text}"`
  let fence = '#'
  while (text.includes(`"${fence}`)) fence += '#'
  return /\p{Cc}/u.test(text.replaceAll('\n', ''))
    ? `"${text.replace(/["\\]/g, String.raw`\$&`).replace(/\p{Cc}/gu, escaped)}"`
    : `r${fence}"${text}"${fence}`
}

function escaped(control: string): string {
  return `\\u{${control.charCodeAt(0).toString(16)}}`
}
