package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const content = "hunter2"
	secret := Secret(content)
	type Holder struct{ S Secret }
	holder := Holder{secret}
	if secret.Reveal() != content {
		t.Error("Reveal is not the content")
	}
	var printed bytes.Buffer
	for _, verb := range strings.Split("v +v #v s q x X d c U e T 20s -5.3s", " ") {
		for _, value := range []any{secret, &secret, holder, &holder, []Secret{secret}, map[string]Secret{"k": secret}} {
			fmt.Fprintf(&printed, "%"+verb+"\n", value)
		}
	}
	fmt.Fprintln(&printed, secret, holder, secret.String(), secret.GoString(), fmt.Errorf("wrong: %w %v", fmt.Errorf("%s", secret), holder))
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, xml.Marshal} {
		text, err := marshal(holder)
		if err != nil || !bytes.Contains(text, []byte(hidden)) {
			t.Errorf("marshalled: %s %v", text, err)
		}
		printed.Write(text)
	}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&printed), zap.DebugLevel)
	zap.New(core).Info("m", zap.Any("a", secret), zap.Any("h", holder), zap.Stringer("s", secret), zap.Reflect("r", holder))
	slog.New(slog.NewTextHandler(&printed, nil)).Info("m", "a", secret, "h", holder)
	for _, form := range []string{content, "68756e74657232", "68756E74657232", "104 117"} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("%s is printed:\n%s", form, printed.String())
		}
	}
}
