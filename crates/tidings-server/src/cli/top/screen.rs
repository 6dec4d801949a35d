//! How it is shown: everything fits into 80 columns and 24 lines.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Sparkline, Table};

use crate::cli::top::amounts::{bytes, count, millis, time};
use crate::cli::top::board::Board;

const QUIET: Style = Style::new().fg(Color::DarkGray);
const HEADING: Style = Style::new().add_modifier(Modifier::BOLD);
const BAD: Style = Style::new().fg(Color::Red);

pub(super) fn draw(frame: &mut Frame<'_>, board: &Board) {
    let [title, figures, rates, topics, connections, executions, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Length(3),
        Constraint::Fill(6),
        Constraint::Fill(5),
        Constraint::Fill(5),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_title(frame, title, board);
    draw_figures(frame, figures, board);
    draw_rates(frame, rates, board);
    draw_topics(frame, topics, board);
    draw_connections(frame, connections, board);
    draw_executions(frame, executions, board);
    draw_foot(frame, foot, board);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let status = match &board.lost {
        Some(reason) => Span::styled(format!("no connection: {reason}"), BAD),
        None => {
            let status = board.health.overall_status.as_str();
            let style = match status {
                "healthy" => Style::new().fg(Color::Green),
                "degraded" => Style::new().fg(Color::Yellow),
                "unhealthy" => BAD,
                _ => QUIET,
            };
            Span::styled(status, style)
        }
    };
    let up = format!("up {}", time(board.gauges.uptime_seconds));
    let line = Line::from(vec![
        Span::styled("tidings top", HEADING),
        Span::raw("  "),
        Span::raw(board.url.as_str()),
        Span::raw("  "),
        status,
        Span::raw("  "),
        Span::styled(up, QUIET),
    ]);
    frame.render_widget(Paragraph::new(line), area);
}

fn draw_figures(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let gauges = &board.gauges;
    let or_dash =
        |value: Option<f64>, form: fn(f64) -> String| value.map_or_else(|| "-".to_owned(), form);
    let lines = [
        [
            ("connections", count(gauges.connections)),
            ("topics", count(gauges.topics)),
            ("lag", count(gauges.lag)),
            ("replaying", count(gauges.replaying)),
        ],
        [
            ("in", format!("{}/s", count(gauges.events_in_per_second))),
            ("", format!("{}/s", bytes(gauges.bytes_in_per_second))),
            ("out", format!("{}/s", count(gauges.events_out_per_second))),
            ("", format!("{}/s", bytes(gauges.bytes_out_per_second))),
        ],
        [
            ("publish p50", or_dash(gauges.publish_p50_ms, millis)),
            ("p99", or_dash(gauges.publish_p99_ms, millis)),
            (
                "cpu",
                or_dash(gauges.cpu_percent, |percent| format!("{percent:.0}%")),
            ),
            ("memory", or_dash(gauges.memory_bytes, bytes)),
        ],
    ];
    let widths = [20, 20, 20, 20].map(Constraint::Length);
    let rows = lines.map(|line| {
        Row::new(line.map(|(name, value)| {
            Line::from(vec![
                Span::styled(name, QUIET),
                Span::raw(if name.is_empty() { "" } else { " " }),
                Span::raw(value),
            ])
        }))
    });
    frame.render_widget(Table::new(rows, widths).column_spacing(0), area);
}

fn draw_rates(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let [label, line] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let shown = board.rates.len().min(line.width.into());
    let newest: Vec<u64> = board
        .rates
        .iter()
        .rev()
        .take(shown)
        .rev()
        .copied()
        .collect();
    let most = newest.iter().max().copied().unwrap_or(0);
    let log = format!(
        "log {} events, {}",
        count(board.gauges.log_events),
        bytes(board.gauges.log_bytes)
    );
    let label_text = Line::from(vec![
        Span::styled("events out per second, at most ", QUIET),
        Span::raw(count(most as f64)),
        Span::raw("   "),
        Span::styled(log, QUIET),
    ]);
    frame.render_widget(Paragraph::new(label_text), label);
    let style = Style::new().fg(Color::Cyan);
    frame.render_widget(Sparkline::default().data(newest).style(style), line);
}

fn draw_topics(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let rows = board.lists.topics.iter().map(|topic| {
        let name = match topic.ended {
            true => format!("{} (ended)", topic.topic),
            false => topic.topic.clone(),
        };
        Row::new([
            name,
            count(topic.subscribers as f64),
            count(topic.events as f64),
            bytes(topic.bytes),
            topic.last_id.clone().unwrap_or_default(),
        ])
    });
    let heading = format!("TOPICS {}", board.lists.topics_in_all);
    let heading = [heading.as_str(), "READERS", "EVENTS", "BYTES", "LAST ID"];
    draw_table(frame, area, rows, heading, [0, 8, 7, 9, 22]);
}

fn draw_connections(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let rows = board.lists.connections.iter().map(|connection| {
        let who = connection.identity.as_ref().or(connection.remote.as_ref());
        Row::new([
            connection.topics.join(" "),
            count(connection.lag as f64),
            count(connection.sent_events as f64),
            bytes(connection.sent_bytes),
            who.cloned().unwrap_or_default(),
        ])
    });
    let heading = format!("CONNECTIONS {}", board.lists.connections_in_all);
    let heading = [heading.as_str(), "LAG", "SENT", "BYTES", "READER"];
    draw_table(frame, area, rows, heading, [0, 8, 7, 9, 22]);
}

fn draw_executions(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let rows = board.lists.executions.iter().map(|execution| {
        let progress = &execution.progress;
        let style = match execution.status.as_str() {
            "failed" => BAD,
            "running" => Style::new().fg(Color::Green),
            _ => Style::new(),
        };
        Row::new([
            execution.title.clone().unwrap_or_default(),
            execution.status.clone(),
            format!("{}/{}", progress.done, progress.total),
            String::new(),
            execution.id.clone(),
        ])
        .style(style)
    });
    let heading = format!("EXECUTIONS {}", board.lists.executions_in_all);
    let heading = [heading.as_str(), "STATUS", "TASKS", "", "ID"];
    draw_table(frame, area, rows, heading, [0, 10, 7, 0, 29]);
}

/// A table whose first column takes the width that the others leave.
fn draw_table<'a>(
    frame: &mut Frame<'_>,
    area: Rect,
    rows: impl Iterator<Item = Row<'a>>,
    heading: [&'a str; 5],
    widths: [u16; 5],
) {
    let [_, others @ ..] = widths;
    let others = others.map(Constraint::Length);
    let widths = std::iter::once(Constraint::Fill(1)).chain(others);
    let table = Table::new(rows.take(area.height.into()), widths)
        .header(Row::new(heading).style(HEADING))
        .column_spacing(1);
    frame.render_widget(table, area);
}

fn draw_foot(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let unwell = board
        .health
        .services
        .iter()
        .find(|(_, s)| s.status != "healthy");
    let line = match (&board.trouble, unwell) {
        (Some(trouble), _) => Line::styled(trouble.as_str(), BAD),
        (None, Some((name, service))) => {
            let detail = service.detail.as_deref().unwrap_or(&service.status);
            Line::styled(format!("{name}: {detail}"), BAD)
        }
        (None, None) => Line::styled("q ends it", QUIET),
    };
    frame.render_widget(Paragraph::new(line), area);
}
