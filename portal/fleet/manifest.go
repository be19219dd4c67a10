package fleet

import (
	"encoding/csv"
	"io"

	"seccam/pkg/credential"
	"seccam/portal/spreadsheet"
)

// writeManifest lists what stands on the labels, for programs that print them in another way. It has every secret
// of the labels.
func writeManifest(to io.Writer, labels []Label) error {
	w := csv.NewWriter(to)
	_ = w.Write([]string{"camera_id", "claim_code", "pairing_code", "fingerprint", "address", "folder"}) // Error reports it
	for _, l := range labels {
		_ = w.Write(spreadsheet.Row(credential.FormatCode(l.Camera), credential.FormatCode(l.Claim),
			credential.FormatCode(l.Pairing), l.Fingerprint, l.Address(), l.Camera))
	}
	w.Flush()
	return w.Error()
}
