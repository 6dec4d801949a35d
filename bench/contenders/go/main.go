// A channel for each client; who does not keep up misses events. Each line of a POST is `{path} {data}`.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
)

// How many events may wait for one client.
const waiting = 1024

var (
	lock    sync.RWMutex
	clients = map[string]map[chan string]struct{}{}
	last    int
)

func subscribe(w http.ResponseWriter, r *http.Request) {
	events := make(chan string, waiting)
	// A path names topics with commas between.
	topics := strings.Split(r.URL.Path[1:], ",")
	lock.Lock()
	for _, topic := range topics {
		path := "/" + topic
		if clients[path] == nil {
			clients[path] = map[chan string]struct{}{}
		}
		clients[path][events] = struct{}{}
	}
	lock.Unlock()
	defer func() {
		lock.Lock()
		for _, topic := range topics {
			delete(clients["/"+topic], events)
		}
		lock.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.(http.Flusher).Flush()
	for {
		select {
		case event := <-events:
			if _, err := io.WriteString(w, event); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func publish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	lock.RLock()
	defer lock.RUnlock()
	for line := range strings.Lines(string(body)) {
		path, data, _ := strings.Cut(strings.TrimSpace(line), " ")
		last++
		event := fmt.Sprintf("id: %d\ndata: %s\n\n", last, data)
		for client := range clients[path] {
			select {
			case client <- event:
			default:
			}
		}
	}
}

func main() {
	http.HandleFunc("GET /", subscribe)
	http.HandleFunc("POST /", publish)
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
