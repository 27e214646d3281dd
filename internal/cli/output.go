package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"keep-bootstrap/internal/postgres"
)

// output is stdout. It keeps the first error; what is written after it is dropped.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Writer.Write(p)
	o.err = err
	return n, err
}

// written returns the error of a command whose result is complete, or says why it is not. A failure that has nothing to do with
// stdout is returned as it is.
func (a *app) written(o *output, err error) error {
	if o.err == nil || err != nil && !errors.Is(err, o.err) {
		return err
	}
	reason := o.err
	if file, ok := errors.AsType[*fs.PathError](o.err); ok {
		reason = file.Err
	}
	e := &postgres.Error{
		Code: postgres.CodeOutput, Message: fmt.Sprintf("the result cannot be written: %v", reason), ExitCode: postgres.ExitUnexpected,
		Hint: "make room, or send stdout elsewhere",
	}
	if a.committed != 0 {
		e.Message = fmt.Sprintf("run %d was committed, but its report cannot be written: %v", a.committed, reason)
		e.Hint = fmt.Sprintf("keep-bootstrap history %d shows what it did", a.committed)
	}
	return e
}
