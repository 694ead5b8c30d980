# cmake -DPROGRAM=... -DMOST_BYTES=... -P CheckSize.cmake: fails if the program is larger.
file(SIZE ${PROGRAM} bytes)
if(bytes GREATER MOST_BYTES)
  message(FATAL_ERROR "${PROGRAM} has ${bytes} bytes; at most ${MOST_BYTES} are allowed")
endif()
