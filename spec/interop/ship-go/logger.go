package main

import "fmt"

// logger passes ship-go's own words on as events; its traces show every message sent and received.
type logger struct{ say *speaker }

func (l *logger) line(level string, text string) {
	l.say.event("log", fields{"level": level, "text": text})
}

func (l *logger) Trace(args ...interface{}) { l.line("trace", words(args)) }
func (l *logger) Tracef(format string, args ...interface{}) {
	l.line("trace", fmt.Sprintf(format, args...))
}
func (l *logger) Debug(args ...interface{}) { l.line("debug", words(args)) }
func (l *logger) Debugf(format string, args ...interface{}) {
	l.line("debug", fmt.Sprintf(format, args...))
}
func (l *logger) Info(args ...interface{}) { l.line("info", words(args)) }
func (l *logger) Infof(format string, args ...interface{}) {
	l.line("info", fmt.Sprintf(format, args...))
}
func (l *logger) Error(args ...interface{}) { l.line("error", words(args)) }
func (l *logger) Errorf(format string, args ...interface{}) {
	l.line("error", fmt.Sprintf(format, args...))
}

func words(args []interface{}) string {
	text := fmt.Sprintln(args...)
	return text[:len(text)-1]
}
