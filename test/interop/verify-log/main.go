// Verifies a log directory of warder with Go's own tlog and with transparency-dev/formats: checkpoint, both log
// keys, cosignatures, every tile, every leaf, consistency with every size, tlog-proof files.
//
//	verify-log DIRECTORY VKEYS PROOFS...
//
// VKEYS is a file with one vkey per line: types 0x01, 0x02 and 0x04. The last line counts.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Sizes between which consistency is checked, at most.
const maxConsistency = 400

func main() {
	if len(os.Args) < 3 {
		fail("usage: verify-log DIRECTORY VKEYS PROOFS...")
	}
	directory := os.Args[1]
	verifiers := readVerifiers(os.Args[2])
	raw := read(filepath.Join(directory, "checkpoint"))
	head := open(raw, verifiers)
	reader := tlog.TileHashReader(tlog.Tree{N: head.N, Hash: head.Hash}, tiles{directory})
	root, err := tlog.TreeHash(head.N, reader)
	check("the tiles", err)
	if root != head.Hash {
		fail("the tiles make another root")
	}
	leaves := readLeaves(directory, head.N)
	for index, leaf := range leaves {
		path, err := tlog.ProveRecord(head.N, int64(index), reader)
		check("an inclusion proof", err)
		check("a leaf", tlog.CheckRecord(path, head.N, head.Hash, int64(index), tlog.RecordHash(leaf)))
	}
	consistent := 0
	step := head.N/maxConsistency + 1
	for earlier := int64(1); earlier <= head.N; earlier += step {
		before, err := tlog.TreeHash(earlier, reader)
		check("an earlier root", err)
		path, err := tlog.ProveTree(head.N, earlier, reader)
		check("a consistency proof", err)
		check("consistency", tlog.CheckTree(path, head.N, head.Hash, earlier, before))
		consistent++
	}
	for _, name := range os.Args[3:] {
		checkProof(name, verifiers)
	}
	fmt.Printf("ok size %d signatures %d leaves %d consistency %d proofs %d\n",
		head.N, len(verifiers), len(leaves), consistent, len(os.Args[3:]))
}

type head struct {
	tlog.Tree
}

// Every given key has to have signed.
func open(raw []byte, verifiers []note.Verifier) head {
	opened, err := note.Open(raw, note.VerifierList(verifiers...))
	check("the note", err)
	if len(opened.Sigs) != len(verifiers) {
		fail(fmt.Sprintf("%d of %d keys signed", len(opened.Sigs), len(verifiers)))
	}
	parsed, _, _, err := log.ParseCheckpoint(raw, verifiers[0].Name(), verifiers[0], verifiers[1:]...)
	check("the checkpoint", err)
	var hash tlog.Hash
	copy(hash[:], parsed.Hash)
	return head{tlog.Tree{N: int64(parsed.Size), Hash: hash}}
}

func checkProof(name string, verifiers []note.Verifier) {
	var parsed proof.TLogProof
	check(name, parsed.Unmarshal(read(name)))
	of := open(parsed.Checkpoint, verifiers)
	path := make(tlog.RecordProof, len(parsed.Hashes))
	for at, hash := range parsed.Hashes {
		path[at] = tlog.Hash(hash)
	}
	leaf := tlog.RecordHash(parsed.ExtraData)
	check(name, tlog.CheckRecord(path, of.N, of.Hash, int64(parsed.Index), leaf))
	parsed.ExtraData[0] ^= 1
	forged := tlog.RecordHash(parsed.ExtraData)
	if tlog.CheckRecord(path, of.N, of.Hash, int64(parsed.Index), forged) == nil {
		fail("a changed leaf was taken")
	}
}

func readVerifiers(name string) []note.Verifier {
	var verifiers []note.Verifier
	for _, line := range strings.Fields(string(read(name))) {
		parts := strings.SplitN(line, "+", 3)
		if len(parts) != 3 {
			fail("not a vkey: " + line)
		}
		key, err := base64.StdEncoding.DecodeString(parts[2])
		check("a vkey", err)
		var verifier note.Verifier
		switch key[0] {
		case 1:
			verifier, err = note.NewVerifier(line)
		case 2:
			verifier, err = fnote.NewECDSAVerifier(line)
		case 4:
			verifier, err = fnote.NewVerifierForCosignatureV1(line)
		default:
			fail("a vkey of another type")
		}
		check("a vkey", err)
		verifiers = append(verifiers, verifier)
	}
	return verifiers
}

// The files of tlog-tiles are those of Go's tlog without the height in the path.
type tiles struct{ directory string }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for at, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		data[at] = bytes
	}
	return data, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func readLeaves(directory string, size int64) [][]byte {
	var leaves [][]byte
	for from := int64(0); from < size; from += 256 {
		width := min(size-from, 256)
		tile := tlog.Tile{H: 8, L: -1, N: from / 256, W: int(width)}
		path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		bundle := read(filepath.Join(directory, path))
		for rest := bytes.NewReader(bundle); rest.Len() > 0; {
			high, _ := rest.ReadByte()
			low, _ := rest.ReadByte()
			leaf := make([]byte, int(high)<<8|int(low))
			if n, err := rest.Read(leaf); err != nil || n != len(leaf) {
				fail("a bundle is cut short")
			}
			leaves = append(leaves, leaf)
		}
	}
	if int64(len(leaves)) != size {
		fail("there are not as many leaves as the checkpoint says")
	}
	return leaves
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	check(name, err)
	return data
}

func check(what string, err error) {
	if err != nil {
		fail(what + ": " + err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "FAILED", why)
	os.Exit(1)
}
