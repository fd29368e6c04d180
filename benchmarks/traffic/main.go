// The two ends of benchmarks/gateway.py, compiled so that neither is what is measured.
//
//	traffic serve ADDRESS        answers as vLLM does; X-Tokens and X-Pause-Ms say how much, how fast
//	traffic streams URL KEY …    opens many streams and prints, as JSON, what became of them
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const event = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"7b",` +
	`"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}` + "\n\n"

// As much as an answer of 200 tokens.
var whole = []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"7b","choices":` +
	`[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("token ", 200) +
	`"},"finish_reason":"stop"}]}`)

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) == 7 && os.Args[1] == "streams":
		streams(os.Args[2], os.Args[3], number(os.Args[4]), number(os.Args[5]), number(os.Args[6]))
	default:
		fmt.Fprintln(os.Stderr, "traffic serve ADDRESS | traffic streams URL KEY COUNT TOKENS PAUSE_MS")
		os.Exit(2)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

func serve(address string) {
	http.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		tokens, _ := strconv.Atoi(r.Header.Get("X-Tokens"))
		if tokens == 0 {
			w.Header().Set("Content-Type", "application/json")
			w.Write(whole)
			return
		}
		pause, _ := strconv.Atoi(r.Header.Get("X-Pause-Ms"))
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		out := http.NewResponseController(w)
		for n := 0; n < tokens; n++ {
			if n > 0 && pause > 0 {
				time.Sleep(time.Duration(pause) * time.Millisecond)
			}
			if _, err := io.WriteString(w, event); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
		}
		io.WriteString(w, "data: [DONE]\n\n")
	})
	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.Serve(listener, nil)
}

type outcome struct {
	first time.Duration
	err   string
}

// Opens one stream every two milliseconds; each must end with [DONE] and have all of its tokens.
func streams(url, key string, count, tokens, pause int) {
	body := []byte(`{"model":"7b","stream":true,"messages":[{"role":"user","content":"hello"}]}`)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	outcomes := make([]outcome, count)
	var all sync.WaitGroup
	for n := range outcomes {
		all.Add(1)
		go func() {
			defer all.Done()
			outcomes[n] = stream(client, url, key, body, tokens, pause)
		}()
		time.Sleep(2 * time.Millisecond)
	}
	all.Wait()
	report(outcomes)
}

func stream(client *http.Client, url, key string, body []byte, tokens, pause int) outcome {
	request, _ := http.NewRequest("POST", url, bytes.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Tokens", strconv.Itoa(tokens))
	request.Header.Set("X-Pause-Ms", strconv.Itoa(pause))
	began := time.Now()
	answer, err := client.Do(request)
	if err != nil {
		return outcome{err: err.Error()}
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return outcome{err: answer.Status}
	}
	lines := bufio.NewScanner(answer.Body)
	var first time.Duration
	got, done := 0, false
	for lines.Scan() {
		text := lines.Text()
		if first == 0 {
			first = time.Since(began)
		}
		if text == "data: [DONE]" {
			done = true
		} else if text != "" {
			got++
		}
	}
	if err := lines.Err(); err != nil {
		return outcome{err: err.Error()}
	}
	if !done || got != tokens {
		return outcome{err: fmt.Sprintf("cut after %d tokens", got)}
	}
	return outcome{first: first}
}

func report(outcomes []outcome) {
	errors := map[string]int{}
	var firsts []float64
	for _, one := range outcomes {
		if one.err != "" {
			errors[one.err]++
		} else {
			firsts = append(firsts, float64(one.first.Microseconds())/1000)
		}
	}
	sort.Float64s(firsts)
	result := map[string]any{"streams": len(outcomes), "errors": errors}
	if len(firsts) > 0 {
		result["first_byte_ms_p50"] = firsts[len(firsts)/2]
		result["first_byte_ms_p99"] = firsts[len(firsts)*99/100]
	}
	json.NewEncoder(os.Stdout).Encode(result)
}
