package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// planNode is a node of EXPLAIN's JSON.
type planNode struct {
	Type          string     `json:"Node Type"`
	Relation      string     `json:"Relation Name"`
	Alias         string     `json:"Alias"`
	Rows          float64    `json:"Actual Rows"`
	Loops         float64    `json:"Actual Loops"`
	Filtered      float64    `json:"Rows Removed by Filter"`
	JoinFiltered  float64    `json:"Rows Removed by Join Filter"`
	IndexFiltered float64    `json:"Rows Removed by Index Recheck"`
	Plans         []planNode `json:"Plans"`
}

// touched is how many rows the node looked at.
func (n *planNode) touched() float64 {
	return n.Loops * (1 + n.Rows + n.Filtered + n.JoinFiltered + n.IndexFiltered)
}

// linear is how many rows a node may look at for each provider. What is quadratic looks at thousands.
const linear = 40

// checkPlans runs install_staged in every case on a database that was never analysed, with the plans of all statements
// inside, and returns the nodes that look at far more rows than there are providers.
func (b *benchmark) checkPlans(ctx context.Context, n int) (statements int, suspicious []string, err error) {
	for _, k := range cases {
		d := b.dataset(n, k.change)
		if err := b.server.create(ctx, runDatabase, side{isOurs: true}.template(k)); err != nil {
			return 0, nil, err
		}
		err := explained(ctx, d, func(query string, top *planNode) {
			statements++
			var walk func(node *planNode)
			walk = func(node *planNode) {
				if node.touched() > float64(linear*n) && !strings.HasPrefix(node.Relation, "pg_") { // catalogs do not grow with providers
					suspicious = append(suspicious, fmt.Sprintf("%s: %s %s looks at %.0f rows in: %.200s",
						k.name, node.Type, node.Relation, node.touched(), strings.Join(strings.Fields(query), " ")))
				}
				for i := range node.Plans {
					walk(&node.Plans[i])
				}
			}
			walk(top)
		})
		if err != nil {
			return 0, nil, fmt.Errorf("plans of %s: %w", k.name, err)
		}
		if err := check(ctx, runDatabase, d); err != nil {
			return 0, nil, err
		}
	}
	return statements, suspicious, nil
}

// explained installs a dataset and passes on the plan of each statement that ran inside.
func explained(ctx context.Context, d dataset, tell func(query string, top *planNode)) error {
	config, err := pgx.ParseConfig("dbname=" + runDatabase)
	if err != nil {
		return err
	}
	var parseErr error
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		_, text, ok := strings.Cut(notice.Message, "plan:\n")
		if !ok {
			return
		}
		var plan struct {
			Query string   `json:"Query Text"`
			Plan  planNode `json:"Plan"`
		}
		if err := json.Unmarshal([]byte(text), &plan); err != nil {
			parseErr = err
			return
		}
		tell(plan.Query, &plan.Plan)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	file, err := os.Open(d.file("staged.copy"))
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := conn.Exec(ctx, `load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
		set auto_explain.log_nested_statements = on; set auto_explain.log_format = json; set auto_explain.log_level = notice;
		set auto_explain.log_timing = off; begin`); err != nil {
		return err
	}
	if _, err := conn.PgConn().CopyFrom(ctx, file, "copy "+staging+" from stdin"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "call bootstrap.install_staged('keep'); commit", pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	return parseErr
}
