package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// MaxBatch is how many cameras a batch has at most: a folder with more is of no use to anybody.
const MaxBatch = 100_000

// batchStep is how many cameras are put on disk, and then into the database, at once.
const batchStep = 100

// Files of a batch, beside its cameras' folders.
const (
	orderFile    = "batch.json"
	ManifestFile = "manifest.csv"
	LabelsFile   = "labels.pdf"
)

// Order says what a batch is to be. It is kept in the batch's folder.
type Order struct {
	Name      string `json:"name"`
	Count     int    `json:"count"`
	PortalURL string `json:"portal_url"`
	Source    string `json:"source"`
	Sheet     string `json:"sheet"`
	Done      bool   `json:"done"`
}

// Batch is what was provisioned.
type Batch struct {
	Order
	Labels []Label
	// Already is how many cameras an interrupted run had made.
	Already int
}

type batch struct {
	Order
	out    string
	step   int
	store  *store.Store
	master credential.Secret
	by     store.Operator
	codes  codes // of the cameras that were made now
}

// Provision makes a batch in the folder out, or goes on with one that was interrupted there. progress is told how
// many cameras are in the database. Of a batch that is done nothing is made again.
func (s *Service) Provision(ctx context.Context, out string, order Order, progress func(done int)) (Batch, error) {
	if order.Count < 1 || order.Count > MaxBatch {
		return Batch{}, fmt.Errorf("a batch has from 1 to %d cameras, not %d", MaxBatch, order.Count)
	}
	sheet, err := SheetNamed(order.Sheet)
	if err != nil {
		return Batch{}, err
	}
	b := &batch{Order: order, out: out, step: s.step, store: s.store, master: s.master, by: s.by, codes: codes{}}
	unlock, err := b.open()
	if err != nil {
		return Batch{}, err
	}
	defer unlock()
	labels, err := readFolders(out)
	if err != nil {
		return Batch{}, err
	}
	made := Batch{Order: b.Order, Labels: labels, Already: len(labels)}
	if b.Done {
		return made, nil
	}
	if made.Labels, err = b.fill(ctx, labels, progress); err != nil {
		return made, err
	}
	if err := b.finish(sheet, made.Labels); err != nil {
		return made, err
	}
	made.Done = true
	return made, nil
}

// open takes the folder for this process, and its order from what is in it.
func (b *batch) open() (unlock func(), err error) {
	if err := os.MkdirAll(b.out, 0o700); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	folder, err := os.Open(b.out)
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another command is provisioning into %s; wait for it", b.out), folder.Close())
	}
	if err := b.resume(); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return func() { _ = folder.Close() }, nil
}

// resume reads the order of a batch that was begun here, or writes that of a new one.
func (b *batch) resume() error {
	text, err := os.ReadFile(filepath.Join(b.out, orderFile))
	if err == nil {
		asked := b.Order
		if err := json.Unmarshal(text, &b.Order); err != nil {
			return fmt.Errorf("%s: %w; name another folder", filepath.Join(b.out, orderFile), err)
		}
		if asked.Count != b.Count || asked.PortalURL != b.PortalURL || asked.Source != b.Source {
			return fmt.Errorf("%s has a batch of %d cameras for %s with the source %s; name another folder for another batch",
				b.out, b.Count, b.PortalURL, b.Source)
		}
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("batch: %w", err)
	}
	entries, err := os.ReadDir(b.out)
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s has something else in it; name a new folder for the batch", b.out)
	}
	if b.Name == "" {
		b.Name = newBatchName()
	}
	return b.save()
}

func (b *batch) save() error {
	text, err := json.MarshalIndent(b.Order, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(b.out, orderFile), append(text, '\n'))
}

// fill makes the cameras that are missing. First it tells the database of those that are there: whoever was
// interrupted may not have come to that.
func (b *batch) fill(ctx context.Context, labels []Label, progress func(int)) ([]Label, error) {
	if err := b.register(ctx, labels); err != nil {
		return labels, err
	}
	progress(len(labels))
	for len(labels) < b.Count {
		made, err := b.makeFolders(ctx, min(b.step, b.Count-len(labels)))
		if err != nil {
			return labels, fmt.Errorf("batch: %w", err)
		}
		if err := b.register(ctx, made); err != nil {
			return labels, err
		}
		labels = append(labels, made...)
		progress(len(labels))
	}
	return labels, nil
}

// makeFolders makes so many cameras' folders, and returns when they are on the disk: the database must not know
// of a camera that a power cut takes.
func (b *batch) makeFolders(ctx context.Context, n int) ([]Label, error) {
	var mu sync.Mutex
	var labels []Label
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for range n {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			label, code, err := b.makeFolder()
			mu.Lock()
			defer mu.Unlock()
			labels, b.codes[label.Camera] = append(labels, label), code
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return labels, syncFolder(b.out)
}

func (b *batch) register(ctx context.Context, labels []Label) error {
	cameras := make([]store.NewCamera, len(labels))
	for i, l := range labels {
		cameras[i] = store.NewCamera{ID: l.Camera, ClaimHash: credential.HashClaimCode(l.Camera, l.Claim)}
	}
	if err := b.store.ProvisionBatch(ctx, b.by, b.Name, cameras); err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	return nil
}

// finish writes what is about all cameras, and that the batch is done.
func (b *batch) finish(sheet Sheet, labels []Label) error {
	if err := writeFile(filepath.Join(b.out, ManifestFile), func(f *os.File) error { return writeManifest(f, labels) }); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(b.out, LabelsFile), func(f *os.File) error { return sheet.pdf(f, labels, b.codes) }); err != nil {
		return err
	}
	b.Done = true
	return b.save()
}

// One provisions a single camera that is in no batch into a folder below out.
func (s *Service) One(ctx context.Context, out, portalURL, source string) (Label, error) {
	b := &batch{Order: Order{PortalURL: portalURL, Source: source}, out: out, store: s.store, master: s.master, by: s.by, codes: codes{}}
	labels, err := b.makeFolders(ctx, 1)
	if err != nil {
		return Label{}, fmt.Errorf("provision: %w", err)
	}
	return labels[0], b.register(ctx, labels)
}
