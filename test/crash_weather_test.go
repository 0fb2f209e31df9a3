package test

import (
	"errors"
	"fmt"
	"os"
	"time"

	"tollgate/test/peer"
)

// weather is what backends suffer: one thing after the other, a second or two each.
type weather struct {
	radius   *peer.FreeRADIUS
	database string
	dir      string
	next     *time.Timer
	step     int

	lock              *peer.Process // who holds the database, if anybody
	silent, gone      int
	locked, notLocked int
}

func newWeather(radius *peer.FreeRADIUS, database, dir string) *weather {
	return &weather{radius: radius, database: database, dir: dir, next: time.NewTimer(time.Second)}
}

// due is when the weather is to change.
func (w *weather) due() <-chan time.Time { return w.next.C }

// turn changes the weather.
func (w *weather) turn() error {
	defer w.next.Reset(between(time.Second, 2*time.Second))
	w.step++
	switch w.step % 6 {
	case 1:
		w.silent++
		w.radius.Pause()
	case 2:
		w.radius.Resume()
	case 4:
		w.gone++
		w.radius.Kill()
	case 5:
		w.radius.Restart()
	default:
		return w.lockDatabase()
	}
	return nil
}

// lockDatabase lets another program hold the database for a while, as a restart of a database server would.
func (w *weather) lockDatabase() error {
	if err := w.unlocked(); err != nil {
		return err
	}
	if _, err := os.Stat(w.database); errors.Is(err, os.ErrNotExist) {
		return nil // the gatekeeper has not made it yet
	}
	sleep := fmt.Sprintf(".shell sleep %.2f", between(time.Second, 2*time.Second).Seconds())
	lock, err := peer.Start(w.dir, "sqlite3", "-bail", w.database, ".timeout 3000", "BEGIN EXCLUSIVE", sleep, "COMMIT")
	w.lock = lock
	return err
}

// unlocked waits for the end of the lock, if there is one.
func (w *weather) unlocked() error {
	if w.lock == nil {
		return nil
	}
	select {
	case <-w.lock.Done():
	case <-time.After(patience):
		w.lock.Kill()
		return errors.New("the database stays locked")
	}
	if w.lock.ExitCode() == 0 {
		w.locked++
	} else {
		w.notLocked++ // somebody else was faster, three seconds long
	}
	w.lock = nil
	return nil
}

// clear ends all of it.
func (w *weather) clear() error {
	w.next.Stop()
	if peer.Listening("udp", w.radius.Port) {
		w.radius.Resume()
	} else {
		w.radius.Restart()
	}
	return w.unlocked()
}

// String tells what there was.
func (w *weather) String() string {
	return fmt.Sprintf("RADIUS silent %d times and gone %d times, the database locked %d times and %d times in vain", w.silent, w.gone,
		w.locked, w.notLocked)
}
