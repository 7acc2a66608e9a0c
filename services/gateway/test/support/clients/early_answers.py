"""Posts bodies and prints what came of each: early_answers.py (url size times type authorization)…"""
import http.client
import sys
from urllib.parse import urlsplit

arguments = iter(sys.argv[1:])
for target, size, times, media_type, authorization in zip(*[arguments] * 5):
    url = urlsplit(target)
    headers = {"content-type": media_type, **({"authorization": authorization} if authorization else {})}
    for _ in range(int(times)):
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
        try:
            connection.request("POST", url.path, b" " * int(size), headers)
            response = connection.getresponse()
            response.read()
            print(response.status)
        except OSError as error:
            print(repr(error))
        connection.close()
