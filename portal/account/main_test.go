package account

import (
	"testing"

	"go.uber.org/goleak"

	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(storetest.Both{M: m, Prepare: storetest.By(store.Open)})
}
