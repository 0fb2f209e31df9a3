package acctstack_test

import (
	"testing"

	"go.uber.org/goleak"

	"tollgate/acctstack"
	"tollgate/acctstack/stacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startEvent() *acctstack.Event { return stacktest.Event(acctstack.Start, 1) }
