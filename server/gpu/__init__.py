"""The full networks on a GPU: one process beside a worker, which gathers what its checks ask.

client.py starts it and gives each check a channel to it; server.py is the process; channel.py is a
check's end. device.py and keras.py are the framework's side, canvases.py keeps its shapes few.
"""

MEMORY_BYTES = 64 << 20  # of a channel: the largest canvas takes 44 MB; unwritten ones take none
PACKET_BYTES = 4096
