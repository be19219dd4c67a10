// Package fleet is what whoever runs a portal does with its cameras, by the command line and by the API: add them in
// batches, each with the files that go onto it and a label, list them, and end or replace their keys. What a camera
// sees is not its business: nothing here leads to a picture.
//
// A batch is a folder. Whatever interrupts its making, the same command goes on with it: a camera's folder is whole
// before the database knows the camera, and what the folder says can be told to the database again.
package fleet
