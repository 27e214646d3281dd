package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// line is a curve of the plot.
type line struct{ kase, side, label, colour string }

var lines = []line{
	{"first install", rowsName, "row by row, 17 statements each", "#c0392b"},
	{"first install", "set-based SQL by hand", "set-based SQL by hand, first", "#8e44ad"},
	{"first install", upName, "keep-bootstrap up, first", "#1f618d"},
	{"first install", floorName, "floor: COPY of the finished rows", "#222222"},
	{"unchanged", "set-based SQL by hand", "set-based SQL by hand, unchanged", "#bb8fce"},
	{"unchanged", upName, "keep-bootstrap up, unchanged", "#5dade2"},
}

const (
	plotWidth, plotHeight      = 860, 520
	plotLeft, plotRight        = 70, 250
	plotTop, plotBottom        = 20, 50
	shortest, longest          = 0.005, 60.0 // seconds
	innerWidth, innerHeight    = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
	labelDistance, labelOffset = 16, 8
)

// svg plots time over size, both logarithmic.
func (r *results) svg(w io.Writer) error {
	sizes := r.sizes()
	low, high := math.Log(float64(sizes[0])), math.Log(float64(max(sizes[len(sizes)-1], sizes[0]*10)))
	x := func(size int) float64 {
		return plotLeft + innerWidth*(math.Log(float64(size))-low)/(high-low)
	}
	y := func(seconds float64) float64 {
		seconds = min(max(seconds, shortest), longest)
		return plotTop + innerHeight*(1-math.Log(seconds/shortest)/math.Log(longest/shortest))
	}
	t := &table{}
	t.line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`, plotWidth, plotHeight)
	t.line(`<rect width="%d" height="%d" fill="#ffffff"/>`, plotWidth, plotHeight)
	for _, seconds := range []float64{0.01, 0.1, 1, 10} {
		t.line(`<path d="M%d %.1f H%d" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%g s</text>`,
			plotLeft, y(seconds), plotLeft+innerWidth, plotLeft-8, y(seconds)+4, seconds)
	}
	for _, size := range sizes {
		t.line(`<path d="M%.1f %d V%d" stroke="#dddddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`,
			x(size), plotTop, plotTop+innerHeight, x(size), plotTop+innerHeight+20, thousands(int64(size)))
	}
	t.line(`<text x="%d" y="%d" text-anchor="middle">providers</text>`, plotLeft+innerWidth/2, plotHeight-8)
	var taken []float64
	for _, l := range lines {
		var points []string
		var endX, endY float64
		for _, m := range r.Measurements {
			if m.Case != l.kase || m.Side != l.side {
				continue
			}
			endX, endY = x(m.Size), y(m.Seconds.Median)
			points = append(points, fmt.Sprintf("%.1f,%.1f", endX, endY))
			t.line(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, endX, endY, l.colour)
		}
		if len(points) == 0 {
			continue
		}
		t.line(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(points, " "), l.colour)
		labelY := endY
		for again := true; again; {
			again = false
			for _, other := range taken {
				if math.Abs(other-labelY) < labelDistance {
					labelY, again = other+labelDistance, true
				}
			}
		}
		taken = append(taken, labelY)
		t.line(`<text x="%.1f" y="%.1f" fill="%s">%s</text>`, endX+labelOffset, labelY+4, l.colour, l.label)
	}
	t.line(`</svg>`)
	_, err := io.WriteString(w, t.String())
	return err
}
