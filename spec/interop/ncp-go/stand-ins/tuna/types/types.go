package types

type Node struct{ Delay, Bandwidth float32 }

type Nodes []*Node
