// Runs as a SharedWorker, and leads under each name that a tab has told it.
import { lead } from './leader.js'

const led = new Set<string>()

self.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  port?.addEventListener('message', ({ data }: MessageEvent<string>) => {
    if (led.has(data)) return
    led.add(data)
    lead(data)
  })
  port?.start()
})
