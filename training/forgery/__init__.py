"""Fakes of our own at the strength and variety that the field publishes, made from reals alone.

`landmarks.prepare` finds the faces once, `kinds.draw` makes a pair of one of them, `media.treat`
sends both pictures of a pair through the same camera, codec and screen.
"""
