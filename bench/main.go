// Command bench measures how fast providers are installed, compared with the fastest that PostgreSQL can do (COPY of the finished
// rows), what a DBA would write by hand, and an installation row by row.
//
// It prepares its databases on the server that the PG* variables name (make bench starts one), runs every side as a whole
// process, checks what each left in the tables, and prints medians, spread and ratios as Markdown and as JSON. It drops
// the databases whose names begin with bench_ first and last, so give it a server of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

type options struct {
	sizes       []int
	repeats     int
	rowsLimit   int // most providers that are installed row by row
	jsonLimit   int // most providers that are given in a statement
	neighbours  int // tenants other than the one that is measured
	alerts      int
	replicas    int
	plans       int // providers with which plans are checked; 0: not at all
	only        string
	program     string
	json, svg   string
	markdown    string
	description string
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "run-and-measure":
			os.Exit(runAndMeasure(os.Args[2:]))
		case "row-by-row":
			exit(rowByRow(os.Args[2]))
			return
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(bench(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func flags() (options, error) {
	var o options
	var sizes string
	flag.StringVar(&sizes, "sizes", "10,1000,10000,100000", "numbers of providers")
	flag.IntVar(&o.repeats, "repeats", 5, "how often everything is measured; sizes from 100,000 on at most 3 times, from a million on once")
	flag.IntVar(&o.rowsLimit, "row-by-row", 1000, "most providers that are installed row by row")
	flag.IntVar(&o.jsonLimit, "call-json", 100_000, "most providers that are given inside a statement")
	flag.IntVar(&o.neighbours, "neighbours", 10_000, "tenants of ten providers in addition to that of the last cases; 0 leaves these cases out")
	flag.IntVar(&o.alerts, "alerts", 1_000_000, "alerts in addition to them")
	flag.IntVar(&o.replicas, "replicas", 50, "processes that start at once; 0 leaves the case out")
	flag.IntVar(&o.plans, "plans", 2000, "providers with which the plans of all statements are checked; 0 leaves that out")
	flag.StringVar(&o.only, "only", "", "only cases and sides whose `text` (\"case, side\") contains this")
	flag.StringVar(&o.program, "program", "", "the program; by default it is built")
	flag.StringVar(&o.json, "json", "", "`file` for the results as JSON")
	flag.StringVar(&o.svg, "svg", "", "`file` for the plot")
	flag.StringVar(&o.markdown, "markdown", "", "`file` for the tables, which also go to stdout")
	flag.StringVar(&o.description, "description", "", "one line about the machine, for the report")
	flag.Parse()
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 10 {
			return o, fmt.Errorf("-sizes: %q is not a number from 10 on", text)
		}
		o.sizes = append(o.sizes, n)
	}
	return o, nil
}

func bench(ctx context.Context) (err error) {
	o, err := flags()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "keep-bootstrap-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if o.program == "" {
		o.program = filepath.Join(work, "keep-bootstrap")
		build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", o.program, "./cmd/bootstrap")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building the program: %w\n%s", err, output)
		}
	}
	server, err := newServer(ctx)
	if err != nil {
		return err
	}
	defer server.close()

	b := &benchmark{options: o, work: work, server: server}
	results, err := b.run(ctx)
	if err != nil {
		return err
	}
	return publish(o, results)
}

// publish writes the results in every requested form.
func publish(o options, r *results) error {
	if err := r.markdown(os.Stdout); err != nil {
		return err
	}
	for path, write := range map[string]func(io.Writer) error{o.markdown: r.markdown, o.json: r.json, o.svg: r.svg} {
		if path == "" {
			continue
		}
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := errors.Join(write(file), file.Close()); err != nil {
			return err
		}
	}
	return nil
}
