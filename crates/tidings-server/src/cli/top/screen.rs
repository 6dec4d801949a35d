//! How it is shown: everything fits into 80 columns and 24 lines.

use std::iter;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Sparkline, Table, Wrap};

use crate::cli::top::amounts::{bytes, count, millis, time};
use crate::cli::top::board::Board;
use crate::cli::top::lists::List;

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
        Some(_) => Span::styled("no connection", BAD),
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
    let up = board
        .gauges
        .as_ref()
        .map(|gauges| time(gauges.uptime_seconds));
    let up = up.map_or_else(String::new, |up| format!("up {up}"));
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
    let Some(gauges) = &board.gauges else {
        let nothing = Paragraph::new("waiting for the hub").style(QUIET);
        return frame.render_widget(nothing, area);
    };
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
    let Some(gauges) = &board.gauges else {
        return;
    };
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
        count(gauges.log_events),
        bytes(gauges.log_bytes)
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
    let heading = ["TOPICS", "READERS", "EVENTS", "BYTES", "LAST ID"];
    let widths = [0, 8, 7, 9, 22];
    draw_list(frame, area, &board.lists.topics, heading, widths, |topic| {
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
}

fn draw_connections(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let heading = ["CONNECTIONS", "LAG", "SENT", "BYTES", "READER"];
    let widths = [0, 8, 7, 9, 22];
    draw_list(
        frame,
        area,
        &board.lists.connections,
        heading,
        widths,
        |connection| {
            let who = connection.identity.as_ref().or(connection.remote.as_ref());
            Row::new([
                connection.topics.join(" "),
                count(connection.lag as f64),
                count(connection.sent_events as f64),
                bytes(connection.sent_bytes),
                who.cloned().unwrap_or_default(),
            ])
        },
    );
}

fn draw_executions(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let heading = ["EXECUTIONS", "STATUS", "TASKS", "", "ID"];
    let widths = [0, 10, 7, 0, 29];
    draw_list(
        frame,
        area,
        &board.lists.executions,
        heading,
        widths,
        |execution| {
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
        },
    );
}

/// A table whose first column takes the width that the others leave, or why there is none.
fn draw_list<T>(
    frame: &mut Frame<'_>,
    area: Rect,
    list: &List<T>,
    [name, others @ ..]: [&str; 5],
    [_, widths @ ..]: [u16; 5],
    row: impl Fn(&T) -> Row<'static>,
) {
    let (rows, name) = match list {
        List::Read(page) => (&page.rows[..], format!("{name} {}", page.in_all)),
        List::Unread => (&[][..], name.to_owned()),
        List::Refused(reason) => {
            let lines = vec![
                Line::styled(name, HEADING),
                Line::styled(reason.as_str(), QUIET),
            ];
            return frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), area);
        }
    };
    let widths = widths.map(Constraint::Length);
    let widths = iter::once(Constraint::Fill(1)).chain(widths);
    let heading = iter::once(name.as_str()).chain(others);
    let table = Table::new(rows.iter().take(area.height.into()).map(row), widths)
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
    let trouble = board.lost.as_ref().or(board.trouble.as_ref());
    let line = match (trouble, unwell) {
        (Some(trouble), _) => Line::styled(trouble.as_str(), BAD),
        (None, Some((name, service))) => {
            let detail = service.detail.as_deref().unwrap_or(&service.status);
            Line::styled(format!("{name}: {detail}"), BAD)
        }
        (None, None) => Line::styled("q ends it", QUIET),
    };
    frame.render_widget(Paragraph::new(line), area);
}
