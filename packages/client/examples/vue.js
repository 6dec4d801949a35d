import { useSSE } from 'tidings/vue'
import { createApp, ref, watchEffect } from 'vue'

const ClientConnectionsCard = {
  props: ['team'],
  setup(props) {
    const { data, isConnected, isLoading, error, connect } = useSSE('client_activity')
    const retry = () => connect(`/api/client-activity/stream?team_id=${props.team}`)
    watchEffect(retry)
    return { clients: data, isConnected, isLoading, error, retry }
  },
  template: `
    <section>
      <h2>Clients of team {{ team }} {{ isConnected ? '●' : '○' }}</h2>
      <p v-if="isLoading">Loading</p>
      <p v-else-if="error && !clients">{{ error }} <button @click="retry">Retry</button></p>
      <p v-else-if="!clients?.length">No clients</p>
      <ul v-else>
        <li v-for="client in clients" :key="client.id">
          {{ client.client_name }}: {{ client.total_requests }} requests
        </li>
      </ul>
    </section>`,
}

createApp({
  components: { ClientConnectionsCard },
  setup: () => ({ team: ref(1) }),
  template: `
    <nav><button v-for="n in 3" :key="n" @click="team = n">Team {{ n }}</button></nav>
    <ClientConnectionsCard :team="team" />`,
}).mount('#app')
