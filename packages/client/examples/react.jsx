import { StrictMode, useCallback, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { useSSE } from 'tidings/react'

function ClientConnectionsCard({ team }) {
  const { data: clients, isConnected, isLoading, error, connect } = useSSE('client_activity')
  const retry = useCallback(
    () => connect(`/api/client-activity/stream?team_id=${team}`),
    [connect, team],
  )
  useEffect(retry, [retry])
  return (
    <section>
      <h2>
        Clients of team {team} {isConnected ? '●' : '○'}
      </h2>
      {isLoading ? (
        <p>Loading</p>
      ) : error && !clients ? (
        <p>
          {error}{' '}
          <button type="button" onClick={retry}>
            Retry
          </button>
        </p>
      ) : clients?.length ? (
        <ul>
          {clients.map(({ id, client_name, total_requests }) => (
            <li key={id}>
              {client_name}: {total_requests} requests
            </li>
          ))}
        </ul>
      ) : (
        <p>No clients</p>
      )}
    </section>
  )
}

function App() {
  const [team, setTeam] = useState(1)
  return (
    <>
      <nav>
        {[1, 2, 3].map((n) => (
          <button type="button" key={n} onClick={() => setTeam(n)}>
            Team {n}
          </button>
        ))}
      </nav>
      <ClientConnectionsCard team={team} />
    </>
  )
}

createRoot(document.getElementById('app')).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
