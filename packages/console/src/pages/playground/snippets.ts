/** What an example is about. */
export interface Subject {
  /** The address of the hub, with a slash at its end. */
  hub: string
  topic: string
  event: string
  data: string
}

/** An example that can be copied. */
export interface Snippet {
  title: string
  /** How it is published, and how it is followed. */
  code: string
}

export type Language = 'curl' | 'Rust' | 'TypeScript' | 'Vue' | 'EventSource'

export const LANGUAGES: readonly Language[] = ['curl', 'Rust', 'TypeScript', 'Vue', 'EventSource']

/** Examples of following a topic and publishing on it. */
export function snippetsOf(language: Language, subject: Subject): Snippet[] {
  return EXAMPLES[language](subject)
}

/** The command that publishes an event. */
export function publishByCurl({ hub, topic, event, data }: Subject): string {
  const url = address(hub, 'api/events', { topic, event: event === 'message' ? '' : event })
  // `@` at the beginning would be taken for the name of a file.
  if (data.startsWith('@'))
    return `printf %s ${quoted(data)} |\n  curl --data-binary @- ${quoted(url)}`
  return `curl --data-binary ${quoted(data)} \\\n  ${quoted(url)}`
}

/** The command that follows a topic. */
export function followByCurl({ hub, topic }: Pick<Subject, 'hub' | 'topic'>): string {
  return `curl -N \\\n  ${quoted(address(hub, 'api/events/stream', { topic, from: 'last:10' }))}`
}

const EXAMPLES: Record<Language, (subject: Subject) => Snippet[]> = {
  curl: (subject) => [
    { title: 'Follow', code: followByCurl(subject) },
    { title: 'Publish', code: publishByCurl(subject) },
  ],
  Rust: ({ hub, topic, event, data }) => [
    {
      title: 'Follow',
      code: `use futures_util::StreamExt;
use tidings_client::{Client, Item};

let client = Client::builder(${literal(hub)}).build()?;
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

let client = Client::builder(${literal(hub)}).build()?;
client
    .publish(${literal(topic)}, NewEvent::new(${literal(data)})${event === 'message' ? '' : `.event(${literal(event)})`})
    .await?;`,
    },
  ],
  TypeScript: ({ hub, topic, event, data }) => [
    {
      title: 'Follow',
      code: `import { subscribe } from 'tidings'

for await (const item of subscribe({ hub: ${script(hub)}, topics: [${script(topic)}] })) {
  if (item.type === 'event') console.log(item.event, item.data)
  if (item.type === 'gap') console.warn('events are missing:', item.reason)
}`,
    },
    {
      title: 'Publish',
      code: `import { createHub } from 'tidings'

const hub = createHub({ hub: ${script(hub)} })
await hub.publish(${script(topic)}, { ${event === 'message' ? '' : `event: ${script(event)}, `}data: ${script(data)} })`,
    },
  ],
  Vue: ({ hub, topic, event }) => [
    {
      title: 'Follow',
      code: `<script setup lang="ts">
import { useSSE } from 'tidings/vue'

const { data, isConnected, error, connect } = useSSE(${script(event)})
connect(${script(address(hub, 'api/events/stream', { topic, from: 'last:1' }))})
</script>

<template>
  <p v-if="error">{{ error }}</p>
  <pre v-else :class="{ live: isConnected }">{{ data }}</pre>
</template>`,
    },
  ],
  EventSource: ({ hub, topic, event }) => [
    {
      title: 'Follow',
      code: `const url = ${script(address(hub, 'api/events/stream', { topic }))}
const source = new EventSource(url)
source.addEventListener(${script(event)}, (event) => {
  console.log(event.lastEventId, event.data)
})`,
    },
  ],
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
