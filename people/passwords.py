"""Password rules beside those of Django and of django-password-validators; see settings."""

from django.contrib.auth import password_validation


class MinimumLengthValidator(password_validation.MinimumLengthValidator):
    """Django's rule; its message is missing from the Chinese catalogue of Django 5.2."""

    def get_error_message(self) -> str:
        return f"密码太短，至少须有 {self.min_length} 个字符。"
