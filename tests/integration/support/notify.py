"""A supervisor's socket: writes each datagram that comes, as it is and with an empty line behind it, to standard output.
notify.py path|@abstract-name   (until it is killed)"""
import os
import socket
import sys

s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind("\0" + name[1:] if name.startswith("@") else name)
os.write(1, b"LISTENING\n\n")
while True:
    os.write(1, s.recv(65536) + b"\n\n")
