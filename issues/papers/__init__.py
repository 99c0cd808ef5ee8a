"""Papers of a case (文书): work order, supervision order, urging notice, extension form, ruling.

A paper is a template filled with what the case's records say. ``tags`` are the words that a
template may ask for; ``contents`` finds what stands for them, personal data masked; ``rendering``
puts the two together in an environment that knows nothing else. The templates are ``defaults``, or
what an office has made of them in Word (``checking``, ``actions``). ``of_case`` says which papers a
reader may have of a case, and writes one.
"""
