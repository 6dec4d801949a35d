// Streams are opened by the browser's own EventSource. What comes from a stream is put into the page as text only.

/** Rows that a stream shows; the oldest go. */
const MAX_ROWS = 500;
/** How often types of events that nobody listens for yet are looked for, in milliseconds. */
const LOOK_EVERY = 2000;
const CONTROLS = ["tidings.connected", "tidings.resumed", "tidings.gap", "tidings.error", "tidings.goodbye"];

const find = (id) => document.getElementById(id);

/** One open stream and its panel. */
class Stream {
  /** An EventSource tells events only to who listens for their type, so the types are found out beside it. */
  #types = new Set(["message"]);
  #listening = new Set();
  #shown = new Set();
  #position = "";
  #source;
  #timer;
  #panel = find("stream").content.firstElementChild.cloneNode(true);
  #rows = this.#panel.querySelector("ol");

  constructor(topic, from) {
    this.topic = topic;
    this.#panel.querySelector("h2").textContent = topic;
    this.#panel.querySelector(".close").addEventListener("click", () => this.close());
    this.#state("waiting", "connecting");
    find("streams").prepend(this.#panel);
    find("hint").hidden = true;
    this.#open(from);
  }

  close() {
    this.#source?.close();
    clearInterval(this.#timer);
    this.#panel.remove();
    find("hint").hidden = document.querySelector("article") !== null;
  }

  async #open(from) {
    const problem = await this.#look();
    if (problem) {
      this.#state("over", problem);
      return;
    }
    if (!this.#panel.isConnected) return;
    const query = new URLSearchParams({ topic: this.topic, from, format: "envelope" });
    this.#source = new EventSource(`/api/events/stream?${query}`);
    this.#source.onopen = () => this.#state("live", "live");
    this.#source.onerror = () => {
      const isOver = this.#source.readyState === EventSource.CLOSED;
      this.#state(isOver ? "over" : "waiting", isOver ? "ended" : "reconnecting");
      if (!isOver) return;
      clearInterval(this.#timer);
      this.#look();
    };
    for (const type of CONTROLS) {
      this.#source.addEventListener(type, (message) => this.#control(message));
    }
    for (const type of this.#types) this.#listen(type);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
  }

  #listen(type) {
    if (this.#listening.has(type)) return;
    this.#listening.add(type);
    this.#source.addEventListener(type, (message) => this.#event(JSON.parse(message.data)));
  }

  /** Reads on in the history. Gives what is wrong with the topic, if anything is. */
  async #look() {
    const query = new URLSearchParams({ topic: this.topic, limit: 1000 });
    if (this.#position) query.set("last_event_id", this.#position);
    try {
      const response = await fetch(`/api/events?${query}`);
      const page = await response.json();
      if (!response.ok) return page.detail;
      this.#position = page.last_event_id;
      const missed = page.events.filter(({ event }) => !this.#types.has(event));
      for (const event of missed) {
        this.#types.add(event.event);
        if (!this.#source) continue;
        this.#listen(event.event);
        this.#event(event);
      }
    } catch {
      // The hub is away; the stream says so.
    }
    return null;
  }

  #event({ id, topic, event, data, time }) {
    if (this.#shown.has(id)) return;
    this.#shown.add(id);
    this.#row(time.slice(11, 23), event, topic === this.topic ? "" : topic, data, id);
  }

  #control(message) {
    this.#row("", message.type, "", message.data).className = "control";
  }

  #row(time, type, topic, data, id) {
    const isAtEnd = this.#rows.scrollTop + this.#rows.clientHeight >= this.#rows.scrollHeight - 4;
    const row = document.createElement("li");
    row.dataset.id = id ?? "";
    for (const [name, text] of Object.entries({ time, type, topic, data })) {
      if (!text && name !== "data") continue;
      const cell = document.createElement("span");
      cell.className = name;
      cell.textContent = text;
      row.append(cell);
    }
    this.#rows.append(row);
    while (this.#rows.childElementCount > MAX_ROWS) {
      this.#shown.delete(this.#rows.firstElementChild.dataset.id);
      this.#rows.firstElementChild.remove();
    }
    if (isAtEnd) this.#rows.scrollTop = this.#rows.scrollHeight;
    return row;
  }

  #state(name, text) {
    this.#panel.dataset.state = name;
    this.#panel.querySelector(".state").textContent = text;
  }
}

function showTopics({ topics, total }) {
  find("total").textContent = total;
  find("no-topics").hidden = total > 0;
  find("topics").replaceChildren(
    ...topics.map(({ topic, subscribers, ended }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = topic;
      button.addEventListener("click", () => new Stream(topic, "last:20"));
      const note = document.createElement("span");
      note.className = "faint";
      note.textContent = ended ? "ended" : subscribers > 0 ? `${subscribers} reading` : "";
      const item = document.createElement("li");
      item.append(button, note);
      return item;
    }),
  );
}

find("open").addEventListener("submit", (event) => {
  event.preventDefault();
  const topic = find("topic").value.trim();
  if (topic) new Stream(topic, find("from").value);
});

find("example").textContent = `curl -d 'hello' '${location.origin}/api/events?topic=greetings'`;

const topics = new EventSource("/api/topics/stream?limit=200");
topics.addEventListener("topics", (message) => showTopics(JSON.parse(message.data)));
topics.onopen = () => (find("hub").textContent = location.host);
topics.onerror = () => {
  const isOver = topics.readyState === EventSource.CLOSED;
  find("hub").textContent = isOver ? "the hub refuses this page; reload to try again" : "the hub is away";
};
