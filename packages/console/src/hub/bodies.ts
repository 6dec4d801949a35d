// What the hub answers, as docs/api.md describes it.

/** An event of `GET /api/events`, and the data of an envelope. */
export interface PublishedEvent {
  id: string
  topic: string
  event: string
  data: string
  time: string
  key?: string | null
  final?: boolean
}

export interface HistoryBody {
  events: PublishedEvent[]
  last_event_id: string
  gap: { reason: string } | null
}

export interface Topic {
  topic: string
  subscribers: number
  events: number
  first_id: string | null
  last_id: string
  bytes: number
  ended: boolean
}

export interface TopicsBody {
  topics: Topic[]
  total: number
}

export interface Connection {
  id: string
  topics: string[]
  identity: string | null
  remote: string | null
  user_agent: string | null
  connected_at: string
  last_active_at: string
  sent_events: number
  sent_bytes: number
  lag: number
}

export interface ConnectionsBody {
  connections: Connection[]
  total: number
}

export type Status = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'

/** One attempt to do the work of a task. */
export interface Worker {
  attempt: number
  started_at: string | null
  ended_at: string | null
  duration: number | null
  tool_calls: number | null
}

/** The quality check of one attempt. */
export interface Check {
  attempt: number
  started_at: string | null
  ended_at: string | null
  passed: boolean | null
  score: number | null
  feedback: string | null
  issues: string[]
  required_fixes: string[]
}

export interface Chatter {
  preamble: string | null
  output: string | null
  input_tokens: number | null
  output_tokens: number | null
  tool_calls: number | null
}

export interface Task {
  id: string
  title: string | null
  status: Status
  phase?: 'worker' | 'qc' | null
  group?: string | null
  type?: string | null
  started_at: string | null
  ended_at: string | null
  duration: number | null
  attempts?: number
  workers?: Worker[]
  checks?: Check[]
  chatter?: Chatter | null
  error?: string | null
}

export interface Execution {
  id: string
  title: string | null
  status: Status
  current_task: string | null
  tasks: Task[]
  progress: { done: number; total: number }
  started_at: string | null
  ended_at: string | null
  summary: unknown
}

export interface ExecutionsBody {
  executions: Execution[]
  total: number
}

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy'

export interface Health {
  overall_status: HealthStatus
  services: Record<string, { status: HealthStatus; detail?: string }>
  timestamp: string
}

/** Figures of one moment. A gauge is null where the system does not tell it. */
export interface Sample {
  timestamp: string
  counters: Record<string, number>
  gauges: Record<string, number | null>
}

export interface DashboardBody {
  health: Health
  metrics: Sample
  /** A column for each gauge. */
  history: { interval_ms: number; timestamp: string[] } & Record<string, unknown>
  connected_clients: number
  badges: PublishedEvent[]
  notifications: PublishedEvent[]
  last_event_id: string | null
}
