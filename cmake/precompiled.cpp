// The unit that owns the precompiled header; it holds nothing else.
