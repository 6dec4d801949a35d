import { useSSE } from 'tidings/vue'
import { createApp, defineComponent, h, ref } from 'vue'

const url = (topic: string) => `/api/events/stream?topic=${topic}`

/** One of many widgets that follow the same stream. */
const Widget = defineComponent({
  props: { number: { type: Number, required: true } },
  setup({ number }) {
    const { data, connect } = useSSE<number[]>('client_activity', { reconnectDelay: 200 })
    connect(url('a'))
    return () => h('p', { id: `widget-${number}` }, JSON.stringify(data.value))
  },
})

const Card = defineComponent({
  setup() {
    const { data, isConnected, isLoading, error, connect, disconnect } = useSSE<number[]>(
      'client_activity',
      { reconnectDelay: 200 },
    )
    Object.assign(globalThis, { connect: (topic: string) => connect(url(topic)), disconnect })
    const state = () => ({
      data: data.value,
      isConnected: isConnected.value,
      isLoading: isLoading.value,
      error: error.value !== null,
    })
    return () => h('pre', { id: 'card' }, JSON.stringify(state()))
  },
})

const widgets = ref(0)
const card = ref(true)
Object.assign(globalThis, {
  showWidgets: (count: number) => (widgets.value = count),
  removeCard: () => (card.value = false),
})

createApp({
  render: () => [
    card.value ? h(Card) : null,
    ...Array.from({ length: widgets.value }, (_, number) => h(Widget, { key: number, number })),
  ],
}).mount('#app')
