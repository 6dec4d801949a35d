/** How many events topics get in a second, from how many they have at two moments. */
export class Rates {
  #before = new Map<string, number>()
  #rates = new Map<string, number>()
  #at = 0

  /** Takes what is known at a moment, in milliseconds. */
  take(topics: readonly { topic: string; events: number }[], at: number): void {
    const seconds = (at - this.#at) / 1000
    if (this.#before.size && seconds <= 0) return
    this.#rates = new Map(
      topics.map(({ topic, events }) => {
        const before = this.#before.get(topic)
        // Of a topic that drops as many as it gets nothing can be told: it has no fewer than none.
        const news = before === undefined ? 0 : Math.max(0, events - before)
        return [topic, news / seconds]
      }),
    )
    this.#before = new Map(topics.map(({ topic, events }) => [topic, events]))
    this.#at = at
  }

  of(topic: string): number {
    return this.#rates.get(topic) ?? 0
  }
}
