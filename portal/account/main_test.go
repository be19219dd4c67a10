package account

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(storetest.Both{M: m, Prepare: func(database string) error {
		s, err := store.Open(context.Background(), database, nil)
		if err != nil {
			return err
		}
		return s.Close()
	}})
}
