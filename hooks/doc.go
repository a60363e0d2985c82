// Package hooks is how plugins take part in what a program does. It knows no
// tickets: it offers four kinds of hook point, and the signature of a handler
// says which kind it is for.
//
//	Before[T]  func(ctx, *T) error              nothing is written yet   change T, or answer with Veto to refuse
//	Within[T]  func(ctx, *gorm.DB, *T) error    inside the transaction   write your own rows; any error rolls back
//	After[T]   func(ctx, Event[T]) error        after the commit         any error means "deliver this again later"
//	Filter[T]  func(ctx, *T) error              a value is being built   any error drops what this handler changed
//
// An [Action] holds the first three for one thing that can be done. A program
// collects its points in a catalogue, a plain struct of structs, which [Walk]
// lists and [Check] proofreads; a plugin that wants to be extended declares
// points of its own in just the same way.
//
// # A veto and a malfunction
//
// A veto is a decision, made with [Veto] and meant for the person who tried; it
// reaches the caller as a [*Vetoed]. A malfunction is an error that is no veto, a
// panic, or a return after the deadline; it becomes a [*Failure] that names point
// and handler. A handler that gives up because the caller's context ended is
// guilty of neither: the caller gets ctx.Err() and no failure is counted. Tell
// them apart with errors.As, [*Failure] before context.DeadlineExceeded, for a
// failure by deadline matches both.
//
// # Order
//
// Handlers run one after the other, by slot, then by their owner's rank, then in
// the order of registration. Each sees what the former left behind.
//
// # Concurrency
//
// Points may be run, added to and removed from by any number of goroutines at
// once. A dispatch works on the list as it stood when it began, so a handler may
// still be called by a dispatch that was under way when it was removed.
//
// A handler runs on the caller's goroutine. A deadline therefore ends the
// handler's context and is judged when the handler comes back; nothing can stop a
// handler that ignores its context. Neither can recover catch what Go itself
// holds to be fatal: a concurrent map write, a stack that outgrew its limit, or a
// panic on a goroutine that the handler started.
package hooks
