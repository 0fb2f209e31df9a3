package journal

import (
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"
)

// TestInspect reads a journal beside the one that writes it.
func TestInspect(t *testing.T) {
	dir := inDir(t)
	if _, err := Inspect(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("inspecting nothing: %v", err)
	}
	j := opened(t, dir, small())
	defer closed(t, j)
	begun(t, j, id(1), "begin")
	appended(t, j, id(1), "answer")
	begun(t, j, id(2), "begin")
	ev := testEvent(1)
	if err := j.Settle(ev, []string{"RadAcct"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Notes("FileAcct").Note(id(5), []byte("at 7")); err != nil {
		t.Fatal(err)
	}
	i, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(i.Calls) != 2 || i.Calls[0] != (LiveCall{ID: id(1), Records: 2, Bytes: i.Calls[0].Bytes}) || i.Calls[1].ID != id(2) {
		t.Errorf("calls %+v", i.Calls)
	}
	if len(i.Kept) != 1 || i.Kept[0].ID != ev.ID || i.Kept[0].Instance != "RadAcct" {
		t.Errorf("kept %+v", i.Kept)
	}
	if len(i.Noted) != 1 || i.Noted[0].Event != id(5) || string(i.Noted[0].Text) != "at 7" {
		t.Errorf("noted %+v", i.Noted)
	}
	if i.Epoch != j.Epoch() || time.Since(i.Alive.Time) > time.Minute {
		t.Errorf("epoch %d, alive %+v", i.Epoch, i.Alive)
	}
	if got, err := i.Event(ev.ID); err != nil || got.Record.SessionID != ev.Record.SessionID {
		t.Errorf("event %+v, %v", got, err)
	}
	j.Done(ev.ID, "RadAcct")
	begun(t, j, id(3), "so that it is on the disk")
	if i, err = Inspect(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Event(ev.ID); !errors.Is(err, ErrNotKept) || len(i.Kept) != 0 {
		t.Errorf("an event that is not kept any more: %v", err)
	}
}

// TestInspectBusy: an inspection beside compaction misses nothing.
func TestInspectBusy(t *testing.T) {
	dir := inDir(t)
	j := opened(t, dir, lazy())
	defer closed(t, j)
	for n := range 30 {
		if err := j.Settle(testEvent(n), []string{"dead"}); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for n := 100; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			begun(t, j, id(n), string(make([]byte, 1000)))
			j.End(id(n))
			j.wake()
		}
	})
	for n := 0; n < 30 || j.Stats().Compactions < 5 && n < 3000; n++ {
		i, err := Inspect(dir)
		if err == nil && len(i.Kept) != 30 {
			t.Errorf("%d copies are seen", len(i.Kept))
		}
		if err != nil && !errors.Is(err, errBusy) {
			t.Error(err)
		}
	}
	close(stop)
	work.Wait()
	if j.Stats().Compactions == 0 {
		t.Error("nothing was compacted meanwhile")
	}
}
