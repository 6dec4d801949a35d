import { useCallback, useEffect } from 'react'
import { useSSE } from 'tidings/react'

const time = (at) => new Date(at).toLocaleTimeString()

export function ClientConnections({ teamId }) {
  const { data: clients, isConnected, isLoading, error, connect } = useSSE('client_activity')
  const load = useCallback(() => {
    const query = new URLSearchParams({ team_id: teamId, limit: 20 })
    connect(`/api/users/me/mcp/client-activity/stream?${query}`)
  }, [connect, teamId])
  useEffect(load, [load])

  return (
    <section aria-labelledby="connections">
      <header>
        <h2 id="connections">Client connections</h2>
        <span role="status">{isConnected ? 'Live' : 'Not connected'}</span>
      </header>
      {error && (
        <p role="alert">
          {error}{' '}
          <button type="button" onClick={load}>
            Retry
          </button>
        </p>
      )}
      {isLoading && !clients && <p>Loading</p>}
      {clients?.length === 0 && <p>No client has been active lately.</p>}
      {clients?.length > 0 && (
        <ul aria-label="Clients">
          {clients.map((client) => (
            <Client key={client.id} {...client} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Client(client) {
  return (
    <li>
      <strong>{client.client_name ?? 'Unknown client'}</strong> on {client.satellite.name}
      <small>
        {client.total_requests} requests, {client.total_tool_calls} tool calls, active since{' '}
        {time(client.first_seen_at)}, last at{' '}
        <time dateTime={client.last_activity_at}>{time(client.last_activity_at)}</time>
      </small>
    </li>
  )
}
